// Who may go on: bans, rules that need not know the message (docs/adr/0022), the source's limits, all rules, method limits, the PBX's
// limit.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "acl/rate.hpp"
#include "sbc/flow.hpp"
#include "sbc/hidden_callers.hpp"
#include "sbc/jail.hpp"
#include "sbc/outbox.hpp"
#include "sbc/outcome.hpp"
#include "sbc/state.hpp"
#include "sip/glance.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// What the source alone tells, before its message is read.
struct SourceStanding {
  Outcome outcome = Outcome::forwarded;  ///< forwarded: go on
  bool trusted = false;                  ///< from check_limits() on
  bool live = false;                     ///< a live registration over exactly this flow
  bool known = false;                    ///< a device was accepted from this source
  bool accepts_some = false;             ///< it is banned or silenced, but accounts were accepted from there: see Jail::passes_ban()
  bool proved_before = false;            ///< something from there did not long ago: see acl::Source::proved_itself()
  bool proven = false;                   ///< this packet proves where it comes from: see Admission::prove()
  bool settled = false;                  ///< it is banned or silenced, and nobody there might be let pass all the same: nothing else counts
  int first_rule = 0;          ///< the rules before it do not match, as Admission::drop_by_source() has found: see acl::EarlyVerdict
  bool head_may_tell = false;  ///< a rule may drop it for its User-Agent or method: see Admission::drop_by_head()
  bool emergency = false;      ///< it begins an emergency call: no gate and no limit stops it (Emergency)
  bool locked_out = false;     ///< a lockdown holds for it: only what belongs to a call of ours, or to a request under way, is served
  bool took_share = false, took_strangers_share = false;  ///< of limits.per_source and limits.unknown_sources
  bool own_allowance = false;                             ///< it spends what belongs to its device, not what all share who bear its address
  /// A source that is known is told why (503 with Retry-After) where a stranger meets silence.
  [[nodiscard]] bool answerable() const { return live || known || trusted; }
};

/// What the rules and limits say of a request.
struct RequestStanding {
  Outcome outcome = Outcome::forwarded;
  int status = 0;           ///< the answer, if there is one to give; 0: silence
  std::optional<int> rule;  ///< which one decided: an index into Policy::rules(), or acl::Verdict::default_rule; nullopt: none was asked
  bool bans = false;        ///< the source is banned or silenced from now on
  std::optional<int> spared{};  ///< the rule that does not hold for its travel pass
};

class Admission {
 public:
  explicit Admission(State& state) : state_(state), jail_(state), callers_(state) { apply({}); }
  [[nodiscard]] Jail& jail() { return jail_; }
  /// Takes over the state's options and policy: limits (buckets keep what is in them) and the rules' counts (by name).
  void apply(TimePoint now);

  /// Step 2 of a datagram's life; access side only. First whether its source is banned.
  SourceStanding check_ban(const Flow& flow, TimePoint now);
  /// A request outside a dialog that a rule drops without having read it. It is counted.
  struct Dropped {
    int rule = 0;
    sip::Method method = sip::Method::other;
    bool told = false;  ///< the log has room for it, and would tell what it says
  };
  /// Then what rules need not know the message for: whom a `drop` keeps out for where he comes from (network, country, listener), with no
  /// rule before it that looks into messages, spends nobody's allowance. Tells `source` from where on the rules are left to ask.
  std::optional<Dropped> drop_by_source(std::string_view bytes, const Flow& flow, SourceStanding& source, TimePoint now);
  /// Then what its source may send, and all strangers together. `size`: of the datagram.
  void check_limits(std::size_t size, const Flow& flow, SourceStanding& source, TimePoint now);
  /// Then for its User-Agent or method: as drop_by_source().
  std::optional<Dropped> drop_by_head(std::string_view bytes, const Flow& flow, SourceStanding& source, TimePoint now);
  /// Would a packet that merely bears this address be over limits.per_source? Nothing of its allowance is spent.
  [[nodiscard]] bool over_source_limit(const Flow& flow, TimePoint now);
  /// A connection that was accepted: bans, and the rules that refuse it whatever it were to say.
  RequestStanding check_connection(const Flow& flow, TimePoint now);
  /// The packet carries what only a receiver of our packets can know (an opaque made for its source, its own dialog's token, a branch of
  /// ours): a silence does not hold for it, and it spends the allowance of the proven instead of that of all who bear its address.
  void prove(SourceStanding& standing, const Flow& flow, TimePoint now);
  /// The allowance alone, for what nobody else is likely to have sent but could be repeated by who saw it: a device's REGISTER over its own
  /// flow with the Call-ID of its registration.
  void give_own_allowance(SourceStanding& standing, const Flow& flow, TimePoint now);
  /// What the rules say of a request outside a dialog. `request_user` is that of the restored Request-URI.
  RequestStanding check_rules(const sip::RawMessage& request, std::string_view request_user, const Flow& flow, const SourceStanding& source,
                              TimePoint now);
  /// The jail, of what the rules let pass: a user that is a trap, an account that is blocked or guessed.
  RequestStanding check_jail(const sip::RawMessage& request, std::string_view request_user, const Flow& flow, const SourceStanding& source,
                             const CredentialsVerdict& credentials, TimePoint now);
  /// What becomes of a request for, or by, whom nobody legit calls.
  RequestStanding walk_into_trap(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now);
  /// SIP over a listener that is a trap.
  void trapped(const sip::RawMessage* message, const Flow& flow, bool proven, TimePoint now);
  /// Is it kept out by `postern lockdown`?
  [[nodiscard]] bool locked_out(const Flow& flow, const SourceStanding& source, TimePoint now) const;
  /// The operator's blocks of devices, asked of what is of no dialog or a REFER.
  [[nodiscard]] RequestStanding check_blocks(const sip::RawMessage& request, const Flow& flow, const CredentialsVerdict& credentials,
                                             TimePoint now) const;
  /// registered_only: asked of what the rules let pass and that belongs to no dialog.
  [[nodiscard]] RequestStanding check_registered(const sip::RawMessage& request, const SourceStanding& source) const;
  /// The source's allowance for this method: for what is no repetition.
  RequestStanding check_method(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now);
  /// Who goes first where the PBX cannot take all (sip-behaviour.md, Calls and limits): each leaves some of the burst of limits.pbx to
  /// those above it.
  enum class Claim : std::uint8_t {
    first,  ///< trusted, or a known device that answers a challenge: half of its work is done
    holds,  ///< a registration over this flow: a refresh, a call
    known,  ///< devices registered from there, or the packet proves its source: a first registration
    stranger,
  };
  static Claim claim_of(const SourceStanding& source, bool answers_challenge);
  /// limits.pbx: asked last, of requests that would be sent to it now.
  [[nodiscard]] bool pbx_is_busy(Claim claim, TimePoint now);
  /// When a device that it refused may come back to register: there is room for a challenge and the answer to it then. nullopt: too many
  /// wait to be counted.
  [[nodiscard]] std::optional<std::chrono::seconds> pbx_has_room_in(TimePoint now);

  /// A final accepted REGISTER: the source goes before strangers until then.
  void accept_source(const acl::Address& address, TimePoint until, TimePoint now);
  /// Takes what may not be sent to sources that have not proved themselves, and what is for connections that have ended, out of `out`, from
  /// the entry `first` on.
  void hold_back(Outbox& out, std::size_t first, TimePoint now);
  /// What the log is told of a message; the event's texts hold until the next one.
  Event event_of(EventKind kind, Outcome reason, const sip::RawMessage* request, const Flow& flow);
  /// What the log is told a refusal of a request of that method as, if Journal::admits() it.
  static EventKind kind_of_refusal(sip::Method method);
  struct Why {
    std::string_view rule = {};                       ///< its name; empty: none
    std::string_view detail = {};                     ///< what is wrong with the message
    std::string_view number = {}, number_class = {};  ///< that may not be called, and its class
    const acl::SourceLine* at = nullptr;              ///< where the rule stands
    bool proven = false;                              ///< of such a call: Event::proven
  };
  /// Is such a refusal only counted now? Then it is told that it would have been one. `request`: what was read of it,
  /// nullptr: nothing was.
  bool spares(Outcome outcome, const Why& why, const sip::RawMessage* request, const Flow& flow, TimePoint now);
  /// Tells the log what event_of() has made.
  void write(const Why& why, Event event);
  /// Tells it of a connection that came to nothing. `why`: a word for it, `meaning`: in words.
  void log_connection_refused(std::string_view why, std::string_view meaning, const Flow& flow, TimePoint now);
  /// Bans that have ended are taken out and told.
  void expire_bans(TimePoint now);

 private:
  /// A travel pass stands for whoever sent it, in the country that it came from.
  [[nodiscard]] bool has_pass(const sip::RawMessage& request, const Flow& flow, TimePoint now);
  /// What the rules may know before a message is read.
  [[nodiscard]] acl::RequestFacts facts_of(const Flow& flow, const SourceStanding& source) const;
  /// Is there anything that lets pass what a rule drops?
  [[nodiscard]] bool may_pass_rules(const sip::Glance& glance, const Flow& flow, const SourceStanding& source, TimePoint now) const;
  Dropped drop(int rule, const sip::Glance& glance, const Flow& flow, TimePoint now);
  /// What a packet that merely bears this address may spend.
  [[nodiscard]] acl::RateLimit unproven_limit(bool trusted, const acl::Address& address, TimePoint now) const;
  /// What all packets that merely bear an address share of a limit: more where several devices are registered.
  [[nodiscard]] acl::RateLimit unproven_share(const acl::RateLimit& limit, const acl::Address& address, TimePoint now) const;
  /// A registration that did not prove where it comes from may have been made in another's name: until something from there does, requests
  /// to it are repeated only within what its source may be sent.
  [[nodiscard]] bool repeats_to_unproven(const Outgoing& item, TimePoint now);
  [[nodiscard]] std::uint32_t devices_at(const acl::Address& address, TimePoint now) const;

  State& state_;
  Jail jail_;
  HiddenCallers callers_;
  std::string country_;
  std::optional<acl::RateLimit> per_source_, per_source_trusted_, unknown_sources_;
  std::optional<acl::RateLimit> pbx_;
  std::array<acl::RateLimit, 4> pbx_for_;  ///< by Claim; where there is a limit
  std::array<std::optional<acl::RateLimit>, sip::method_count> per_method_;
};

}  // namespace postern::sbc
