#include "sbc/commands/first_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/words.hpp"
#include "sbc/commands/dial_plans.hpp"

namespace postern::commands {
namespace {

constexpr std::size_t widest = 110;

/// A scalar of YAML: as it is, or in single quotes where it has a sign that may mean something there.
std::string scalar(const std::string& text) {
  const bool plain = std::ranges::all_of(text, [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alphanumeric || std::string_view("./:_+@").find(c) != std::string_view::npos || c == '-';
  });
  if (plain && !text.empty() && !text.starts_with('-') && !text.ends_with(':')) return text;
  std::string quoted;
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  return "'" + quoted + "'";
}

std::string joined(const std::vector<std::string>& words, std::string_view mark = "") {
  std::string out;
  for (const std::string& word : words) out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", mark, word, mark);
  return out;
}

std::vector<std::string> scalars(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  std::ranges::transform(texts, std::back_inserter(out), scalar);
  return out;
}

/// "    name: ["00.", "011."]", in as many lines as it takes.
std::string pattern_line(std::string_view name, const std::vector<std::string>& patterns) {
  std::string out = fmt::format("    {}: [", name);
  const std::string indent(out.size(), ' ');
  std::size_t width = out.size();
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::string word = fmt::format("\"{}\"{}", patterns[i], i + 1 < patterns.size() ? "," : "]\n");
    if (i > 0 && width + word.size() + 1 > widest) {
      out += "\n" + indent;
      width = indent.size();
    } else if (i > 0) {
      out += ' ';
      ++width;
    }
    out += word;
    width += word.size();
  }
  return out;
}

/// The port of "udp://[::]:5060"; empty: it is the transport's own.
std::string_view port_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  const bool has_port = colon != std::string_view::npos && address.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return has_port ? address.substr(colon + 1) : std::string_view();
}

std::string listener_section(const FirstFileAnswers& answers) {
  std::string out =
      "# Where phones register and call: all that the internet sees. Phones name this host and port as their server.\n"
      "listeners:\n";
  for (const std::string& listener : answers.listeners) {
    const std::string advertise = advertise_of(answers, listener);
    if (advertise.empty() && !is_encrypted(listener)) {
      out += fmt::format("  - {}\n", scalar(listener));
      continue;
    }
    out += fmt::format("  - address: {}\n", scalar(listener));
    if (!advertise.empty()) out += fmt::format("    advertise: {}   # what phones are told to come back to\n", scalar(advertise));
    if (is_encrypted(listener))
      out += fmt::format("    tls: {{certificate: {}, private_key: {}}}\n", scalar(answers.certificate), scalar(answers.private_key));
  }
  if (std::ranges::none_of(answers.listeners, is_encrypted))
    out +=
        "  # Next: encrypted signalling. The user postern must be able to read the key (chgrp postern, chmod 640).\n"
        "  #- address: tls://0.0.0.0:5061\n"
        "  #  advertise: sbc.example.com:5061   # the name in the certificate, which phones have as their server\n"
        "  #  tls: {certificate: /etc/postern/tls/fullchain.pem, private_key: /etc/postern/tls/privkey.pem}\n";
  return out +
         "  # Next: a port that no phone of yours uses. Whoever speaks SIP there is banned.\n"
         "  #- {address: udp://0.0.0.0:5160, trap: true}\n";
}

std::string pbx_section(const FirstFileAnswers& answers) {
  return fmt::format(
      "\n# The PBX, which nobody but Postern is to reach: on a high port that is in no phone. It sees all phones, and all attackers, under "
      "one\n"
      "# address: put that on the whitelist of its fail2ban and firewall (VitalPBX: Admin > Security > Intrusion Detection > Whitelist).\n"
      "pbx:\n"
      "  address: {}\n"
      "  #bind: 10.0.0.2:5080            # that address; without it, the one of the route to the PBX, port 5080\n"
      "  #media_address: 203.0.113.10    # phones outside and a router that forwards the PBX's RTP ports: its outside address\n"
      "\n# The providers: not served yet. Leave them on the PBX, and let its port accept them beside Postern.\n",
      scalar(answers.pbx));
}

std::string network_section(const FirstFileAnswers& answers) {
  if (answers.offices.empty())
    return "\n# Next: names for your own networks, and which of them are never banned and have no limits as strangers do. Trust no more "
           "than\n"
           "# you must: a machine there may guess passwords for as long as it likes.\n"
           "#networks:\n"
           "#  office: [203.0.113.0/24]\n"
           "#trusted: [office]\n";
  return fmt::format(
      "\n# Your own networks, by name. `anna: {{name: anna.dyn.example}}` would be one whose address changes.\n"
      "networks:\n"
      "  office: [{}]\n"
      "\n# Never banned, and without the limits of strangers: no wrong password there locks all of its phones out. Trust no more than you\n"
      "# must: a machine there may guess passwords for as long as it likes.\n"
      "trusted: [office]\n",
      joined(scalars(answers.offices)));
}

std::string rule_section(const FirstFileAnswers& answers) {
  const std::string country = answers.country.empty() ? "US" : answers.country;
  const bool active = !answers.geo.empty() && !answers.country.empty();
  const std::string_view mark = active ? "" : "#";
  std::string out =
      "\n# Which country an address is in. Most attacks end here, and so do your own people abroad: `postern allow add 1001 --country JP\n"
      "# --for 14d` lets one of them in. Where to get the database: docs/operations.md, Country database.\n";
  out += fmt::format("{}geo: {{country: {}}}\n", answers.geo.empty() ? "#" : "",
                     answers.geo.empty() ? "/etc/postern/country.mmdb" : scalar(answers.geo));
  return out + fmt::format(
                   "\n# Read from the top, the first that matches decides. Known scanners are banned without a rule.\n"
                   "{0}rules:\n"
                   "{0}  - name: register and call only from home\n"
                   "{0}    methods: [REGISTER, INVITE]\n"
                   "{0}    unless: {{country: [{1}, private, unknown]}}   # unknown: addresses that the database does not know\n"
                   "{0}    action: reject\n",
                   mark, country);
}

std::string device_section() {
  return "\n# Next: from where each device may come, whatever rules and `trusted` say. It is what holds when a password is stolen; without "
         "it\n"
         "# `postern audit` fails in rows 2 and 3. \"2*\" are all users that begin with 2; of VitalPBX's tenants they are T2_101 and so "
         "on.\n"
         "#devices:\n"
         "#  \"1001\": {permit: [office]}\n"
         "#  \"2*\": {deny: [198.51.100.0/24], listeners: [\"tls://0.0.0.0:5061\"]}\n";
}

std::string emergency_section(const DialPlan& plan) {
  std::vector<std::string> numbers;
  for (const std::string_view number : config::split_words(plan.emergency)) numbers.emplace_back(number);
  return fmt::format(
      "\n# Emergency numbers ({}): from a registered phone nothing stops these, no rule, class, ban or limit, and each\n"
      "# is logged. The PBX must have a route for them: try one with your provider's test number.\n"
      "emergency: [{}]\n"
      "emergency_prefixes: [\"0\", \"9\"]   # who is used to dialling a digit for an outside line does so in a hurry, too\n",
      plan.name, joined(numbers, "\""));
}

std::string limit_section() {
  return "\n# Floods are held back and password guessers jailed without a word here. Next: how much one device may call, which is what a "
         "stolen\n"
         "# password is worth in a night.\n"
         "#limits:\n"
         "#  per_device: {calls_per_hour: 60}\n"
         "#  concurrent_calls: {per_device: 3}\n"
         "#jail: {trap_extensions: [\"8888\", admin]}   # users that you do not have: who tries them is banned\n";
}

std::string class_section(const DialPlan& plan) {
  const DialClassPatterns classes = class_patterns_of(plan);
  std::string out = fmt::format(
      "\n# Who may call what, by the first digits, in Asterisk's pattern letters: X is 0-9, Z 1-9, N 2-9, `.` one more or more, `!` any "
      "more.\n"
      "# The most specific pattern has a number; one that is in no class is refused (603), and the log names it. A `+` is read as 00.\n"
      "# The numbers are those of: {}. If your phones dial a digit for an outside line, write it in front of all patterns\n"
      "# but those of `internal`. Try it: postern explain --source 203.0.113.7 --method INVITE --from sip:1001@a --to sip:NUMBER@a\n"
      "calls:\n"
      "  classes:\n"
      "    # Extensions of 2 to 4 digits and feature codes: make it as narrow as yours are.\n",
      plan.name);
  out += pattern_line("internal", classes.internal);
  out += pattern_line("national", classes.national);
  out += pattern_line("international", classes.international);
  out += "    # Premium rate, satellites, other carriers' codes: in no entry of `allow`, so nobody calls these.\n";
  return out + pattern_line("premium", classes.premium);
}

std::string allowance_section(const FirstFileAnswers& answers) {
  std::string out =
      "  # What a stolen password is used for is calls abroad: nobody makes them until you say who. All devices call within the country, "
      "and\n"
      "  # emergency numbers are in every class.\n"
      "  allow:\n"
      "    - {classes: [internal, national]}\n";
  if (!answers.offices.empty())
    out += "    - {source: office, classes: international}      # a password that is stolen elsewhere does not help there\n";
  return out + "    - {device: calls-abroad, classes: international}   # the users in that group, from everywhere\n";
}

/// Groups stand before devices, but what this one is for is told with `calls`.
std::string group_section() {
  return "\n# Who may call abroad (see `calls` below): put users there in the place of the one that nobody has.\n"
         "device_groups:\n"
         "  calls-abroad: [no-user-yet]\n";
}

std::string rest() {
  return "\n# Next, for the first week: rules, jail and limits count and log what they would do, and do nothing. Take it out again.\n"
         "#enforce: off\n"
         "\n# Next: whom to tell what should not wait for somebody to look.\n"
         "#alerts: {webhook: \"https://hooks.example.com/postern\", min_interval: 5m}\n"
         "\n# Next: verdicts that `postern check` and each reload must find, so that no later change of this file takes them away.\n"
         "#policy_tests:\n"
         "#  - {name: the office registers, source: 203.0.113.7, method: REGISTER, from: \"sip:1001@a\", expect: allow}\n"
         "#  - {name: no satellites, source: 203.0.113.7, method: INVITE, from: \"sip:1001@a\", to: \"sip:00881612345@a\", expect: 603}\n";
}

}  // namespace

bool is_encrypted(const std::string& listener) { return listener.starts_with("tls://") || listener.starts_with("wss://"); }

std::string advertise_of(const FirstFileAnswers& answers, const std::string& listener) {
  // An IPv6 address without a port has colons too, but ends with no bracket only where it has no port either.
  const bool bare_ipv6 = std::ranges::count(answers.advertise, ':') > 1 && !answers.advertise.starts_with('[');
  const std::string_view port = bare_ipv6 ? std::string_view() : port_of(answers.advertise);
  const bool meant = port.empty() || answers.listeners.size() == 1 || port == port_of(listener);
  return meant ? answers.advertise : std::string();
}

std::string first_file(const FirstFileAnswers& answers) {
  const DialPlan& plan = dial_plan_of(answers.country);
  return "# Postern, as `postern init` wrote it. After each change: postern check, then systemctl reload postern.\n"
         "# All keys and their defaults: man 5 postern.yaml. What to do on the PBX: docs/vitalpbx.md.\n\n" +
         listener_section(answers) + pbx_section(answers) + network_section(answers) + rule_section(answers) + group_section() +
         device_section() + emergency_section(plan) + limit_section() + class_section(plan) + allowance_section(answers) + rest();
}

}  // namespace postern::commands
