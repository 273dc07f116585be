// What an operator is told at once: one alert, in words and as JSON.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sbc/event.hpp"

namespace postern::net {

// clang-format off
// kind, whether it goes out at once however many there are (what can be forged never does)
#define POSTERN_ALERT_KINDS(X)  \
  X(pbx_down,         true)     \
  X(pbx_up,           true)     \
  X(ban,              false)    \
  X(block,            false)    \
  X(call_denied,      false)    \
  X(new_country,      false)    \
  X(emergency_call,   true)     \
  X(weak_password,    false)    \
  X(certificate_ends, false)    \
  X(geo_database_old, false)    \
  X(test,             true)
// clang-format on

enum class AlertKind : std::uint8_t {
#define X(kind, at_once) kind,
  POSTERN_ALERT_KINDS(X)
#undef X
};

struct AlertKindInfo {
  std::string_view word;
  bool at_once;
};
inline constexpr std::array alert_kinds = {
#define X(kind, at_once) AlertKindInfo{#kind, at_once},
    POSTERN_ALERT_KINDS(X)
#undef X
};
constexpr const AlertKindInfo& info(AlertKind kind) { return alert_kinds.at(static_cast<std::size_t>(kind)); }

using AlertFields = std::vector<std::pair<std::string, std::variant<std::string, std::uint64_t>>>;

struct Alert {
  AlertKind kind = AlertKind::test;
  std::string message;  ///< for humans, one line; what comes from the network stands in quotes in it, escaped
  std::string subject;  ///< whom it is about, in a word: an address, an account, a listener
  AlertFields fields;   ///< the event's, as the log has them: texts may come from the network
  std::chrono::system_clock::time_point time = std::chrono::system_clock::now();
  std::uint64_t more = 0;                    ///< others of this kind since the one before
  std::vector<std::string> more_subjects{};  ///< theirs, the first of them
  bool forgeable = false;                    ///< anybody may have brought it about who is blind, in another's name
  std::string call_id{};                     ///< of an emergency call: which one

  [[nodiscard]] bool goes_at_once() const { return info(kind).at_once && !forgeable; }

  /// The message, and how many more there were.
  [[nodiscard]] std::string text() const;
  /// `{"alert", "message", "text", "time", "host", "more", ...fields}`: what is posted to the webhook and given to the command. In `text`
  /// `&`, `<` and `>` are as chat services want them (`&lt;`): else they begin links there, and calls of everybody.
  [[nodiscard]] std::string json() const;
};

/// nullopt: that is no matter for an alert.
std::optional<Alert> alert_of(const sbc::Event& event);
Alert weak_password_alert(std::string_view account, std::string_view device, std::string_view kind, std::string_view message);
/// nullopt: it is good for 14 days and more.
std::optional<Alert> certificate_alert(const std::string& listener, std::chrono::system_clock::time_point ends,
                                       std::chrono::system_clock::time_point now);
/// `key`: "geo.country" or "geo.asn"; `built`: in seconds since 1970. nullopt: it is not older than 60 days, or there is none (0).
std::optional<Alert> geo_alert(std::string_view key, std::uint64_t built, std::chrono::system_clock::time_point now);
Alert test_alert();

}  // namespace postern::net
