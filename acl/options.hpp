// What the operator may say about who may talk: filled by config, consumed by acl.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/address.hpp"

namespace postern::acl {

/// ISO 3166-1 alpha-2 as two upper-case letters, or one of the two special words.
/// 0 is "not known"; Country::private_ and Country::unknown stand for the words `private` and `unknown`.
struct Country {
  std::uint16_t code = 0;

  static constexpr Country of(char a, char b) {
    return {static_cast<std::uint16_t>((static_cast<unsigned char>(a) << 8) | static_cast<unsigned char>(b))};
  }
  static const Country private_;  // NOLINT(readability-identifier-naming): `private` is a keyword
  static const Country unknown;
  /// "US", "us", "private", "unknown"; nullopt for anything else.
  static std::optional<Country> parse(std::string_view text);
  /// "US", "private", "unknown"; "" for Country{}.
  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const Country&) const = default;
};
inline constexpr Country Country::private_{1};
inline constexpr Country Country::unknown{2};

/// One condition of a rule: the packet's value is (or, negated, is not) among `values`.
template <class T>
struct Condition {
  std::vector<T> values;
  bool negated = false;
  bool operator==(const Condition&) const = default;
};

/// All that are present must hold.
struct Conditions {
  std::optional<Condition<Network>> source;
  std::optional<Condition<Country>> country;
  std::optional<Condition<std::uint32_t>> asn;
  std::optional<Condition<std::string>> user_agent;  ///< names of pattern sets
  std::optional<Condition<std::string>> methods;     ///< upper case
  std::optional<Condition<std::string>> listener;    ///< listener names
  std::optional<Condition<std::string>> transport;   ///< "udp", "tcp", "tls", "ws", "wss"
  std::optional<Condition<std::string>> from_user;   ///< shell patterns: * and ?
  std::optional<Condition<std::string>> to_user;
  std::optional<Condition<std::string>> request_user;
  std::optional<bool> registered;

  [[nodiscard]] bool empty() const;
  bool operator==(const Conditions&) const = default;
};

enum class Action : std::uint8_t { allow, drop, reject, ban };

/// "allow", "drop", "reject", "ban".
const char* to_string(Action action);

/// Where a rule stands in the operator's file (1-based); an empty file is a rule of our own.
struct SourceLine {
  std::string file;
  int line = 0;
};

struct RuleOptions {
  std::string name;
  Conditions when;
  Conditions unless;  ///< "must not hold"; ignored if empty
  Action action = Action::allow;
  int status = 403;                     ///< of a reject
  std::chrono::seconds ban_time{3600};  ///< of a ban
  bool log_only = false;                ///< shadow mode: counted and logged, then the next rule
  SourceLine at;
};

/// Group name -> users, with * and ? as in a shell.
using DeviceGroups = std::map<std::string, std::vector<std::string>, std::less<>>;

/// Shared, as many devices name the same networks, and a name may stand for a long list.
using SharedNetworks = std::shared_ptr<const std::vector<Network>>;

/// One entry of `devices`: what its key means holds to all of this.
struct DeviceOptions {
  std::string key;  ///< a user, a shell pattern or the name of a group
  std::vector<SharedNetworks> permit, deny;
  std::vector<std::string> listeners;  ///< by name; empty: any
  std::string extension;               ///< empty: its user
  SourceLine at;
};

/// What decided where no rule did: a gate behind the rules, or one before them.
struct Gate {
  std::string name;  ///< as logs and `explain` print it: `devices.1001`, `emergency`
  SourceLine at;
};

/// A class of numbers.
struct DialClassOptions {
  std::string name;
  std::vector<std::string> patterns;  ///< as DialPattern::parse() reads them
  bool operator==(const DialClassOptions&) const = default;
};

/// Who may call what.
struct CallAllowance {
  std::optional<std::vector<SharedNetworks>> source;  ///< absent: from anywhere
  std::vector<std::string> devices;                   ///< users, shell patterns and names of groups; empty: any
  std::vector<std::string> classes;                   ///< by name
};

/// Class of service.
struct CallOptions {
  std::vector<DialClassOptions> classes;
  std::vector<CallAllowance> allow;
  int deny_status = 603;
  SourceLine at;
};

struct PolicyOptions {
  std::map<std::string, std::vector<std::string>>
      user_agents;  ///< set name -> RE2 patterns; `builtin` among the patterns means the shipped list
  std::vector<RuleOptions> rules;
  DeviceGroups device_groups;
  std::vector<DeviceOptions> devices;                                 ///< in file order
  std::vector<std::string> emergency = {"112", "911", "999", "000"};  ///< numbers; empty: none
  std::vector<std::string> emergency_prefixes;                        ///< digits for an outside line before them
  SourceLine emergency_at;                                            ///< where the file has them; no file: they are the default
  std::optional<CallOptions> calls;                                   ///< absent: every destination passes
  bool builtin_scanners = true;                                       ///< a last rule of our own: known scanners are banned
  Action default_action = Action::allow;
};

}  // namespace postern::acl
