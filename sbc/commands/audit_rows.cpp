// Rows 1 to 4, 6 and 8: from the configuration and from what the daemon has seen.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include "acl/policy.hpp"
#include "sbc/commands/audit_facts.hpp"
#include "sbc/hidden_callers.hpp"
#include "sbc/weak_kinds.hpp"
#include "sip/uri.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t most_listed = 8;
constexpr unsigned logins_that_ban = 10;  // twice what fail2ban takes for one that guesses, unless it was told otherwise

std::string plural(std::size_t count, std::string_view one) { return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s"); }

bool is_default_port(std::uint16_t port) { return port == 5060 || port == 5061 || port == 5160; }

bool is_short_number(std::string_view user) {
  return user.size() >= 2 && user.size() <= 5 && std::ranges::all_of(user, [](char c) { return c >= '0' && c <= '9'; });
}

/// The registered devices that no entry gives what `has` looks for.
template <class Predicate>
std::vector<std::string> devices_without(const AuditFacts& facts, Predicate has) {
  std::vector<std::string> without = facts.devices();
  std::erase_if(without, [&](const std::string& user) {
    std::array<char, 256> buffer{};
    const auto entry = facts.loaded.policy->devices().entry_of(sip::canonical_user(user, buffer));
    return entry && has(facts.config.policy.devices[*entry]);
  });
  return without;
}

/// The registered devices none of whose digests was looked at; all, if a daemon of an older version does not tell.
std::vector<std::string> devices_not_tried(const AuditFacts& facts) {
  std::vector<std::string> devices = facts.devices();
  if (!facts.daemon.contains("not_tried")) return devices;
  const auto named = facts.daemon.value("not_tried", std::set<std::string>());
  std::erase_if(devices, [&](const std::string& user) { return !named.contains(user); });
  return devices;
}

/// Rows 2 and 3: whether each registered device has what an entry may give it.
template <class Predicate>
AuditRow audit_devices(const AuditFacts& facts, std::string_view what, const std::string& remedy, Predicate has) {
  Findings findings;
  if (std::ranges::none_of(facts.config.policy.devices, has)) {
    findings.fail(fmt::format("no entry of `devices` has {}", what), remedy);
    return findings.row();
  }
  const std::vector<std::string> devices = facts.devices();
  if (!facts.no_daemon.empty()) {
    findings.not_seen("which devices register: " + facts.no_daemon);
  } else if (devices.empty()) {
    findings.not_seen("no device is registered");
  } else if (const auto without = devices_without(facts, has); without.empty()) {
    findings.ok(fmt::format("all {} have {}", plural(devices.size(), "registered device"), what));
  } else {
    findings.fail(
        fmt::format("{} of {} without {}: {}", without.size(), plural(devices.size(), "registered device"), what, listed(without)), remedy);
  }
  return findings.row();
}

/// Of "192.0.2.1:5060" or "[2001:db8::1]:5060".
std::optional<acl::Address> address_in(std::string_view endpoint) {
  endpoint = endpoint.substr(0, endpoint.rfind(':'));
  if (endpoint.starts_with('[') && endpoint.ends_with(']')) endpoint = endpoint.substr(1, endpoint.size() - 2);
  return acl::Address::parse(endpoint);
}

void look_at_callers(const AuditFacts& facts, Findings& findings) {
  if (!facts.no_daemon.empty() || facts.daemon.value("public_source_seen", true)) return;
  std::map<std::string, std::set<std::string>> accounts;
  for (const ordered_json& entry : facts.registrations) {
    const auto source = address_in(entry.value("source", std::string()));
    if (source && source->is_private() && !source->is_loopback()) accounts[source->to_string()].insert(entry.value("aor", std::string()));
  }
  for (const auto& [address, users] : accounts) {
    if (users.size() > sbc::HiddenCallers::many)
      findings.warn(
          fmt::format("{} accounts come from {}, and nobody from a public address: a NAT (Docker's, a router's) hides the callers, "
                      "so that address is never banned",
                      users.size(), address),
          "let the NAT keep the callers' addresses (Docker: network_mode: host; a router: forward without source NAT)");
  }
}

bool is_everything(const acl::Network& network) { return network.prefix_length() == 0; }

bool permits_some_only(const acl::DeviceOptions& device) {
  return !device.permit.empty() && std::ranges::none_of(device.permit, [](const acl::SharedNetworks& networks) {
    return std::ranges::any_of(*networks, is_everything);
  });
}

}  // namespace

void Findings::add(AuditStatus status, const std::string& evidence, const std::string& remedy) {
  row_.status = std::max(row_.status, status);
  row_.evidence += (row_.evidence.empty() ? "" : "; ") + evidence;
  if (!remedy.empty() && row_.remedy.find(remedy) == std::string::npos) row_.remedy += (row_.remedy.empty() ? "" : "; ") + remedy;
}

std::string listed(std::span<const std::string> words) {
  std::string out;
  for (std::size_t i = 0; i < std::min(words.size(), most_listed); ++i) out += (out.empty() ? "" : ", ") + words[i];
  if (words.size() > most_listed) out += fmt::format(" and {} more", words.size() - most_listed);
  return out;
}

std::vector<std::string> AuditFacts::devices() const {
  std::set<std::string> users;
  for (const ordered_json& entry : registrations) users.insert(entry.value("aor", std::string()));
  return {users.begin(), users.end()};
}

AuditRow audit_passwords(const AuditFacts& facts) {
  Findings findings;
  if (facts.config.engine.weak_passwords == sbc::EngineOptions::WeakPasswords::off) {
    findings.not_seen("`weak_passwords` is off", "weak_passwords: report");
    return findings.row();
  }
  if (!facts.no_daemon.empty()) {
    findings.not_seen(facts.no_daemon);
    return findings.row();
  }
  std::vector<std::string> weak;
  for (const ordered_json& entry : facts.daemon.value("weak_passwords", ordered_json::array())) {
    const auto kind = sbc::weak_kind_of_word(entry.value("kind", std::string()));
    weak.push_back(fmt::format("{} ({})", entry.value("account", std::string()), kind ? sbc::info(*kind).meaning : "is weak"));
  }
  const std::vector<std::string> devices = facts.devices();
  const std::vector<std::string> not_tried = devices_not_tried(facts);
  if (!weak.empty())
    findings.fail(fmt::format("the password of {}: {}", plural(weak.size(), "account"), listed(weak)),
                  "give each a long random password on the PBX and in the phone (VitalPBX: PBX > Extensions > Extensions)");
  if (devices.empty())
    findings.not_seen("no device is registered");
  else if (!not_tried.empty())
    findings.not_seen(fmt::format("{} of {} had no digest tried since the start (its next REGISTER brings one): {}", not_tried.size(),
                                  plural(devices.size(), "registered device"), listed(not_tried)));
  else if (weak.empty())
    findings.ok(
        fmt::format("the digests of {} were tried, every registered device's ({}) among them: no password is a user name, an "
                    "extension or a common word",
                    plural(facts.daemon.value("accounts_tried", std::size_t{0}), "account"), devices.size()));
  std::vector<std::string> numbers;
  std::ranges::copy_if(devices, std::back_inserter(numbers), [](const std::string& user) { return is_short_number(user); });
  if (!numbers.empty())
    findings.warn(fmt::format("{} with a number that is easily found as user name: {}", plural(numbers.size(), "device"), listed(numbers)),
                  "give devices random user names (kx83hd) and leave the number to the extension (VitalPBX: PBX > Extensions > Extensions, "
                  "the device's user)");
  return findings.row();
}

AuditRow audit_networks(const AuditFacts& facts) {
  return audit_devices(facts, "`permit` or `deny`", "name the networks that each device comes from: devices: {\"1*\": {permit: [office]}}",
                       [](const acl::DeviceOptions& device) { return permits_some_only(device) || !device.deny.empty(); });
}

AuditRow audit_bindings(const AuditFacts& facts) {
  return audit_devices(facts, "`permit` or `listeners`",
                       "bind each device to a network or a listener: devices: {\"2*\": {listeners: [tls]}}",
                       [](const acl::DeviceOptions& device) { return permits_some_only(device) || !device.listeners.empty(); });
}

AuditRow audit_hiding(const AuditFacts& facts) {
  Findings findings;
  for (const sbc::Endpoint& pbx : facts.config.engine.pbx.addresses) {
    if (is_default_port(pbx.port))
      findings.fail(fmt::format("the PBX listens on {}, a default port", pbx.to_string()),
                    "move it to a high port (VitalPBX: Settings > Technology Settings > PJSIP Settings) and name that in `pbx.address`");
    else
      findings.ok(fmt::format("the PBX's port is {}", pbx.port));
  }
  const auto shown = facts.daemon.value("shown", std::uint64_t{0});
  if (!facts.no_daemon.empty() || shown == 0) {
    findings.not_seen(facts.no_daemon.empty() ? "no message has gone to a phone yet" : "what leaves: " + facts.no_daemon);
    return findings.row();
  }
  const ordered_json named = facts.daemon.value("not_hidden", ordered_json::object());
  const auto look_at = [&](const char* where, std::string_view what, const std::string& remedy) {
    if (const auto count = named.value(where, std::uint64_t{0}); count > 0)
      findings.fail(fmt::format("the PBX is named in {}: {} of {} messages", what, count, shown), remedy);
  };
  look_at("realm", "the realm of its challenges", "give the PBX a realm that is no address or name of its own (Asterisk: default_realm)");
  look_at("body", "bodies of a type that Postern does not know", "look which application sends them, and whether phones need them");
  look_at("sdp", "SDP", "set pbx.media_address, or the external media address on the PBX");
  if (findings.row().status == AuditStatus::ok) findings.ok(fmt::format("none of {} messages that left named it", shown));
  return findings.row();
}

AuditRow audit_destinations(const AuditFacts& facts) {
  Findings findings;
  const auto& calls = facts.config.policy.calls;
  if (calls)
    findings.ok(fmt::format("classes: {}, entries that allow some of them: {}; what none allows is answered {}", calls->classes.size(),
                            calls->allow.size(), calls->deny_status));
  else
    findings.fail("there is no `calls` section: every device may call every number",
                  "write one: what may be dialled, by class and by device (docs/configuration.md, `calls`)");
  return findings.row();
}

AuditRow audit_jail(const AuditFacts& facts) {
  Findings findings;
  if (facts.config.engine.jail.on)
    findings.ok("the jail is on");
  else
    findings.fail("the jail is off: nobody is banned for what he tries", "take `jail: off` out");
  if (std::ranges::any_of(facts.config.engine.trusted, is_everything))
    findings.fail("`trusted` holds every address there is: nobody is banned", "name your own networks there, and no others");
  if (!facts.config.engine.enforce)
    findings.fail("`enforce` is off: rules, jail and limits only count what they would do",
                  "take `enforce: off` out once the log shows no refusal that is wrong");
  if (!facts.no_daemon.empty()) {
    findings.not_seen("whether the PBX bans Postern: " + facts.no_daemon);
    return findings.row();
  }
  const std::string remedy =
      fmt::format("put {0} on the PBX's ignore list (VitalPBX: Admin > Security > Intrusion Detection (fail2ban) > Whitelist)", facts.bind);
  const auto survived = facts.daemon.value("logins_survived", 0U);
  if (facts.daemon.value("probably_banned", false))
    findings.fail("the PBX fell silent shortly after failed logins: probably banned by the PBX's fail2ban",
                  remedy + fmt::format(", and lift the ban there (fail2ban-client unban {})", facts.bind));
  else if (survived >= logins_that_ban)
    findings.ok(fmt::format("the PBX went on answering after {} refused logins within ten minutes, so it does not ban Postern", survived));
  else
    findings.not_seen(fmt::format("whether the PBX's own ignore list holds {}: it has refused too few logins to tell", facts.bind), remedy);
  look_at_callers(facts, findings);
  return findings.row();
}

}  // namespace postern::commands
