// Asks the engine what it would do, and tells it in the operator's words. The verdict is the engine's own: a packet is handed to an Engine
// made of the operator's options, in a time of its own, and what it would send is looked at and thrown away.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "acl/options.hpp"
#include "acl/policy.hpp"
#include "sbc/engine.hpp"
#include "sbc/event.hpp"
#include "sbc/options.hpp"
#include "sbc/outbox.hpp"
#include "sbc/outcome.hpp"

namespace postern::sbc {

inline constexpr std::uint16_t default_sip_port = 5060;

/// What becomes of one packet, and why.
struct Explanation {
  acl::Action verdict = acl::Action::allow;  ///< ban: this very packet has its source banned or silenced
  Outcome outcome = Outcome::forwarded;
  std::string_view detail;                  ///< of what is malformed: the header or the part that is wrong; static storage
  int status = 0;                           ///< of a reject; 0: none
  std::optional<acl::ScannerScore> score;   ///< what speaks for a scanner; nullopt: that was not asked
  std::optional<std::uint32_t> score_bans;  ///< from which sum on
  std::optional<int> rule;  ///< that decided: an index into Policy::rules(), or acl::Verdict::default_rule; nullopt: something else did
  std::string number, number_class;  ///< of a call that was refused for it: what was dialled, and its class; empty: none
  std::string rule_name;             ///< as logs name it, or the gate (`devices.1001`, `calls`, `emergency`); empty: neither decided
  std::string spared;                ///< the name of the rule that does not hold for its travel pass; empty: none
  acl::SourceLine at;  ///< where that stands; no file: not in one (`builtin scanners`, `default_action`, default emergency numbers)
};

/// An engine that nobody listens to. Time begins at `epoch`. Its PBX lives: it answers whatever it is sent with 480, so that nothing is
/// judged as if the PBX were dead.
class DryRun : private EventSink {
 public:
  static constexpr TimePoint epoch{std::chrono::hours{1}};

  /// `secrets`: those of a running Postern, where packets hold tokens of it. A `pbx.bind` that is left out needs no route here: an address
  /// that nobody has stands for it.
  DryRun(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets);

  /// Travel passes that stand, until the end.
  void set_passes(std::shared_ptr<const acl::TravelPasses> passes) { engine_.set_passes(std::move(passes)); }
  /// The same of what the operator has switched.
  void set_switches(std::shared_ptr<const Switches> switches) { engine_.set_switches(std::move(switches)); }
  /// Takes back what outlives a restart; its times are of this run's.
  void restore(DurableState kept) { engine_.restore(std::move(kept), now_); }
  /// Handles one packet at that time; timers that are due until then fire first. A time before the last one is taken as that one.
  Explanation handle(const Datagram& datagram, TimePoint now);
  /// Makes this flow a live registration of that user.
  void register_flow(const Flow& flow, std::string_view user, TimePoint now, std::chrono::seconds expires);

  [[nodiscard]] const EngineOptions& options() const { return options_; }
  [[nodiscard]] const Metrics& metrics() const { return engine_.metrics(); }

 private:
  void on_event(const Event& /*event*/) override {}
  void pass_to(TimePoint now);
  /// What was sent to the PBX is answered; what that leads to is nobody's business.
  void answer_as_pbx();

  EngineOptions options_;
  std::shared_ptr<const acl::Policy> policy_;
  Engine engine_;
  Outbox out_, after_;
  std::string answer_;
  TimePoint now_ = epoch;
};

/// One packet alone meets no limit.
EngineOptions without_limits(EngineOptions options);
/// The way that the sketch's packet comes in, or what is wrong with it (no such listener, none of that transport).
std::variant<Flow, std::string> flow_of(const EngineOptions& options, const RequestSketch& sketch);
/// The request that a sketch describes; nullopt: `problem` says what is wrong with it. Where nothing is said: From and To name no user, the
/// Request-URI is To (of a REGISTER without its user, RFC 3261 §10.2).
std::optional<std::string> write_request(const RequestSketch& sketch, const Flow& flow, std::string& problem);

/// The verdict for one packet alone, without limits: for `message`, or for the request that the sketch describes where that is nullopt.
/// `passes`: travel passes that stand, until the end. A text instead says what is wrong with the sketch.
std::variant<Explanation, std::string> explain(const EngineOptions& options, const std::shared_ptr<const acl::Policy>& policy,
                                               const RequestSketch& sketch, std::optional<std::string_view> message = std::nullopt,
                                               std::shared_ptr<const acl::TravelPasses> passes = nullptr);

}  // namespace postern::sbc
