#include "sbc/net/alert.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sbc/net/escape.hpp"
#include "sbc/net/operator_words.hpp"

namespace postern::net {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::days certificate_warning{14};
constexpr std::chrono::days oldest_geo{60};

/// What others chose: escaped as in a line of the log, but always in quotes, so that it is never taken for words of ours.
std::string shown(std::string_view text) {
  std::string out;
  append_text_value(out, text);
  return out.starts_with('"') ? out : '"' + out + '"';
}

std::string time_of(system_clock::time_point time) { return time_text(system_clock::to_time_t(time)); }

/// May it be copied into a shell between double quotes?
bool is_plain_word(std::string_view text) {
  constexpr std::string_view others = "._+-@";
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
  });
}

/// As Slack asks for it, and others understand it.
std::string for_chat(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("unknown");
}

std::string days_text(system_clock::duration duration) {
  const auto days = std::chrono::duration_cast<std::chrono::days>(duration).count();
  return fmt::format("{} day{}", days, days == 1 ? "" : "s");
}

std::string word_of(const sbc::Event& event) {
  return std::string(event.cause ? sbc::word_of(*event.cause) : sbc::info(event.reason).word);
}

/// What all events have in common, as the log names it.
AlertFields fields_of(const sbc::Event& event) {
  AlertFields fields;
  const auto add = [&fields](std::string_view key, std::string_view value) {
    if (!value.empty()) fields.emplace_back(key, cut_value(value));
  };
  add("id", event.id);
  if (event.cause) add("cause", sbc::word_of(*event.cause));
  if (event.reason != sbc::Outcome::forwarded) add("reason", sbc::info(event.reason).word);
  add("rule", event.rule);
  if (event.source != sbc::Endpoint{}) add("source", event.source.to_string());
  add("country", event.country);
  if (event.duration.count() > 0) fields.emplace_back("duration_s", static_cast<std::uint64_t>(event.duration.count()));
  if (event.count > 0) fields.emplace_back("count", event.count);
  add("method", event.method);
  add("device", event.device);
  add("class", event.number_class);
  add("number", event.number);
  add("user_agent", event.user_agent);
  add("call_id", event.call_id);
  add("detail", event.detail);
  if (event.address != sbc::Endpoint{}) add("address", event.address.to_string());
  return fields;
}

Alert of_event(AlertKind kind, const sbc::Event& event, std::string subject, std::string message) {
  return {.kind = kind, .message = std::move(message), .subject = std::move(subject), .fields = fields_of(event)};
}

std::string who_calls(const sbc::Event& event, std::string_view called) {
  return fmt::format("{} at {} calls {}: {}", shown(event.device), event.source.to_string(), shown(called), event.message);
}

/// Silences on evidence that can be forged are none: anybody could page the operator all night.
std::optional<Alert> kept_out(const sbc::Event& event) {
  if (event.detail != "proven") return std::nullopt;
  const std::string address = event.source.address.to_string();
  const std::string why =
      fmt::format("for {} s: {}, {} strike{}", event.duration.count(), word_of(event), event.count, event.count == 1 ? "" : "s");
  if (event.kind == sbc::EventKind::ban)
    return of_event(AlertKind::ban, event, address,
                    fmt::format("{} is banned {}; let in again by: postern bans remove {}", address, why, address));
  // The event's own words would bring the account as it came.
  const std::string account = shown(event.device);
  const std::string cure = is_plain_word(event.device)
                               ? fmt::format("let in again by: postern bans remove {} --account {}", address, account)
                               : "`postern bans list` names it, and `postern bans remove` lets it in again";
  return of_event(AlertKind::block, event, fmt::format("{}@{}", account, address),
                  fmt::format("the account {} is blocked at {} {}; {}", account, address, why, cure));
}

std::optional<Alert> denied(const sbc::Event& event) {
  if (event.reason != sbc::Outcome::call_denied) return std::nullopt;
  const std::string number = event.number.empty() ? "a number that cannot be read" : shown(event.number);
  const std::string in = event.number_class.empty() ? "which is of no class" : fmt::format("of the class {}", event.number_class);
  Alert alert =
      of_event(AlertKind::call_denied, event, shown(event.device),
               fmt::format("{} at {} may not call {}, {}: it was refused", shown(event.device), event.source.to_string(), number, in));
  alert.forgeable = !event.proven;
  return alert;
}

/// What bears the address of somebody trusted may be anybody's: it still is told, for it may be true.
Alert help_called(const sbc::Event& event) {
  Alert alert = of_event(AlertKind::emergency_call, event, shown(event.device), who_calls(event, event.detail));
  alert.forgeable = !event.proven;
  alert.call_id = event.call_id;
  alert.fields.emplace_back("proof", event.proven ? "proven" : "unproven");
  if (alert.forgeable) alert.message += " (nothing proves yet that it comes from there)";
  return alert;
}

}  // namespace

std::string Alert::text() const {
  if (more == 0) return message;
  std::string others;
  for (const std::string& each : more_subjects) others += (others.empty() ? ": " : ", ") + each;
  if (more > more_subjects.size() && !others.empty()) others += " ...";
  return fmt::format("{} (and {} more since{})", message, more, others);
}

std::string Alert::json() const {
  const std::string host = host_name();
  nlohmann::ordered_json json{
      {"alert", info(kind).word}, {"message", text()}, {"text", for_chat(fmt::format("Postern at {}: {}", host, text()))},
      {"time", time_of(time)},    {"host", host},      {"more", more}};
  for (const auto& [key, value] : fields) std::visit([&entry = json[key]](const auto& each) { entry = each; }, value);
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::optional<Alert> alert_of(const sbc::Event& event) {
  using sbc::EventKind;
  const std::string address = event.address.to_string();
  switch (event.kind) {
    case EventKind::pbx_down:
      return of_event(AlertKind::pbx_down, event, address,
                      fmt::format("the PBX at {} gives no answers any more: {}", address, event.message));
    case EventKind::pbx_up:
      return of_event(AlertKind::pbx_up, event, address, fmt::format("the PBX at {} answers again", address));
    case EventKind::ban:
    case EventKind::block:
      return kept_out(event);
    case EventKind::refused:
      return denied(event);
    case EventKind::new_country: {
      Alert alert = of_event(AlertKind::new_country, event, std::string(event.detail), who_calls(event, event.number));
      alert.fields.emplace_back("called_country", std::string(event.detail));
      return alert;
    }
    case EventKind::emergency_call:
      return help_called(event);
    default:
      return std::nullopt;
  }
}

Alert weak_password_alert(std::string_view account, std::string_view device, std::string_view kind, std::string_view message) {
  return {.kind = AlertKind::weak_password,
          .message = fmt::format("the account {} can be guessed: {}", shown(account), message),
          .subject = shown(account),
          .fields = {{"account", cut_value(account)}, {"device", cut_value(device)}, {"detail", std::string(kind)}}};
}

std::optional<Alert> certificate_alert(const std::string& listener, system_clock::time_point ends, system_clock::time_point now) {
  if (ends - now >= certificate_warning) return std::nullopt;
  const std::string when = ends > now ? fmt::format("ends in {}", days_text(ends - now)) : std::string("has ended");
  return Alert{.kind = AlertKind::certificate_ends,
               .message = fmt::format("the certificate of the listener {} {}, at {}: renew it and reload Postern, or phones that check it "
                                      "can connect no more",
                                      shown(listener), when, time_of(ends)),
               .subject = shown(listener),
               .fields = {{"listener", cut_value(listener)}, {"end", time_of(ends)}}};
}

std::optional<Alert> geo_alert(std::string_view key, std::uint64_t built, system_clock::time_point now) {
  const auto made = system_clock::from_time_t(static_cast<std::time_t>(built));
  if (built == 0 || now - made <= oldest_geo) return std::nullopt;
  return Alert{
      .kind = AlertKind::geo_database_old,
      .message = fmt::format("the database of {} was made {} ago: addresses have moved since, and rules by country err; fetch a new "
                             "one and reload Postern",
                             key, days_text(now - made)),
      .subject = std::string(key),
      .fields = {{"database", std::string(key)}, {"built", time_of(made)}}};
}

Alert test_alert() {
  return {.kind = AlertKind::test, .message = "a test: alerts of Postern come through this way", .subject = "test", .fields = {}};
}

}  // namespace postern::net
