// The operator's rules, compiled: read from the top, the first that matches decides.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "acl/call_policy.hpp"
#include "acl/calling_codes.hpp"
#include "acl/devices.hpp"
#include "acl/emergency.hpp"
#include "acl/geo.hpp"
#include "acl/options.hpp"

namespace postern::acl {

class CountryCache;
class UserAgentMemory;

/// What rules look at. Views into the packet; nothing here is trusted or owned.
struct RequestFacts {
  Address source;
  std::string_view method;
  std::string_view user_agent;
  std::string_view from_user;  ///< compared as it stands: the caller has decoded escapes
  std::string_view to_user;
  std::string_view request_user;
  std::string_view listener;                     ///< the listener's name
  std::string_view transport;                    ///< "udp" ...
  bool registered = false;                       ///< the flow carries a live registration
  bool has_pass = false;                         ///< a travel pass: rules that refuse by country or asn do not hold (acl/travel_passes.hpp)
  CountryCache* countries = nullptr;             ///< what remembers where sources are; nullptr: the database is asked each time
  UserAgentMemory* user_agent_memory = nullptr;  ///< what remembers what the sets said; nullptr: they are asked each time
};

/// What a policy says of one request.
struct Verdict {
  static constexpr std::size_t max_shadows = 8;

  Action action = Action::allow;
  int rule = default_rule;                          ///< index into Policy::rules(), or default_rule
  std::array<std::int16_t, max_shadows> shadows{};  ///< rules in shadow mode that matched, in order
  std::uint8_t shadow_count = 0;                    ///< at most max_shadows are remembered
  int spared = default_rule;                        ///< the first rule that would have refused it but for a travel pass

  static constexpr int default_rule = -1;
};

/// What the rules say of a request before all of it is read.
struct EarlyVerdict {
  int rule = 0;        ///< the one that drops it; else the first that is left to ask: those before it do not match
  bool drops = false;  ///< decide() would say the same of every request with these facts
};

/// Immutable; shared between workers as shared_ptr<const Policy>.
class Policy {
 public:
  /// On failure (a pattern that RE2 refuses, an unknown set name, too large a pattern set) the message names it.
  static std::variant<std::shared_ptr<const Policy>, std::string> compile(const PolicyOptions& options, Geo geo);
  ~Policy();
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  /// No allocation, no exception; country and ASN are looked up at most once and only when a rule asks. `from`: of an EarlyVerdict of
  /// this request.
  [[nodiscard]] Verdict decide(const RequestFacts& facts, int from = 0) const;

  /// The rule that drops or bans whatever came over a connection with these facts (source, listener and transport are looked at); nullopt:
  /// what comes has to be seen first. Allocates nothing.
  [[nodiscard]] std::optional<int> refuses_connection(const RequestFacts& facts) const;
  /// By the source, the listener, the transport and `registered` alone. Allocates nothing.
  [[nodiscard]] EarlyVerdict judge_source(const RequestFacts& facts) const;
  /// From rule `from` on, by the method and the User-Agent too, as far as something may be dropped by them. Allocates nothing.
  [[nodiscard]] EarlyVerdict judge_head(const RequestFacts& facts, int from) const;
  /// False: judge_head() would drop nothing.
  [[nodiscard]] bool may_drop_head(int from) const;

  /// The operator's rules in order and, last, `builtin scanners` unless it is off.
  [[nodiscard]] std::span<const RuleOptions> rules() const;
  /// The rule's name (`rules[2]` for one without), `builtin scanners` or `default_action`: what logs and `explain` print.
  [[nodiscard]] std::string_view rule_name(int rule) const;
  /// Where it stands; nullptr: in no file.
  [[nodiscard]] const SourceLine* rule_place(int rule) const;
  [[nodiscard]] const Geo& geo() const;
  [[nodiscard]] const Devices& devices() const;
  [[nodiscard]] const EmergencyNumbers& emergency() const;
  [[nodiscard]] const CallingPlaces& calling_places() const;
  /// Class of service; nullptr: every destination passes.
  [[nodiscard]] const CallPolicy* calls() const;

 private:
  Policy();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::acl
