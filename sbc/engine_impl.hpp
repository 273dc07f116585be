// The inside of Engine: one datagram's life, step by step (docs/life-of-a-datagram.md).
#pragma once

#include <optional>
#include <string_view>

#include "sbc/admission.hpp"
#include "sbc/answers.hpp"
#include "sbc/call_gate.hpp"
#include "sbc/emergency.hpp"
#include "sbc/engine.hpp"
#include "sbc/keep_alive.hpp"
#include "sbc/proxy.hpp"
#include "sbc/scanner_watch.hpp"
#include "sbc/state.hpp"
#include "sip/message.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

struct Engine::Impl {
  Impl(Setup setup, const Secrets& secrets, EventSink& events, Company company)
      : state(std::move(setup), secrets, events, std::move(company)),
        admission(state),
        emergency(state, admission, secrets.table_seed + 10),
        answers(state),
        gate(state),
        proxy(state, admission, answers),
        keep_alive(state),
        scanners(state, admission) {}

  Outcome from_access(const Datagram& datagram, TimePoint now, Outbox& out);
  Outcome from_core(const Datagram& datagram, TimePoint now, Outbox& out);
  /// What is no SIP message of ours to read: keep-alives, STUN, what is malformed.
  Outcome no_message(const sip::Prescreened& screened, const Datagram& datagram, const SourceStanding& source, TimePoint now, Outbox& out);
  Outcome access_request(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out);
  Outcome trapped(const Datagram& datagram, bool proven, TimePoint now);
  /// Answers as that has it; nullopt: it may go on.
  std::optional<Outcome> end_with(const RequestStanding& standing, const Flow& flow, const SourceStanding& source, TimePoint now,
                                  Outbox& out);
  /// What the jail has against it; nullopt: the request may go on.
  std::optional<Outcome> jailed(std::string_view request_user, const Flow& flow, const SourceStanding& source,
                                const CredentialsVerdict& credentials, TimePoint now, Outbox& out);
  /// What the operator has switched: a lockdown, the block of a device. `judged`: it stands outside a dialog.
  std::optional<Outcome> kept_out(bool judged, const Flow& flow, const SourceStanding& source, const CredentialsVerdict& credentials,
                                  TimePoint now, Outbox& out);
  /// What passes bans and limits of its source: an emergency call, or (`goes_on`) what belongs to one.
  void look_for_help(bool goes_on, const Flow& flow, SourceStanding& source, TimePoint now);
  /// What is asked of a request outside a dialog that is no repetition.
  std::optional<Outcome> refused_newcomer(const Arrival& arrival, TimePoint now, Outbox& out);
  void look_for_proof(const Dialog& dialog, const CredentialsVerdict& credentials, const Flow& flow, SourceStanding& source, TimePoint now);
  Outcome access_response(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out);
  /// Step 5: what the transaction layer deals with by itself; nullopt: a request to be routed.
  std::optional<Outcome> matched(const BranchId& id, const Flow& flow, TimePoint now, Outbox& out);
  /// The same of a request of the access side, and of a CANCEL and an ACK that name none. `user`: of the restored Request-URI.
  std::optional<Outcome> of_transaction(const Arrival& arrival, std::string_view user, TimePoint now, Outbox& out);
  /// What the rules say; nullopt: the request may go on.
  std::optional<Outcome> refused(std::string_view request_user, const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out);
  /// What speaks for a scanner: asked where no rule of the operator's has decided.
  std::optional<Outcome> refused_as_scanner(const Flow& flow, const SourceStanding& source, TimePoint now);
  /// What `devices` says of it.
  std::optional<Outcome> refused_device(const CredentialsVerdict& credentials, const Flow& flow, const SourceStanding& source,
                                        TimePoint now, Outbox& out);
  /// What is asked of a request that is of no dialog of this flow: the rules, devices, and registered_only if it is of none at all.
  std::optional<Outcome> refused_outside(std::string_view user, const Dialog& dialog, const CredentialsVerdict& credentials,
                                         const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out);
  /// Is a request of the PBX for a device, over its flow, that the operator keeps out altogether?
  [[nodiscard]] bool is_blocked(const Flow& device, TimePoint now) const;
  /// What class of service says of a request; nullopt: it may go on.
  std::optional<Outcome> denied_call(std::string_view user, const Dialog& dialog, const Flow& flow, const SourceStanding& source,
                                     const CredentialsVerdict& credentials, TimePoint now, Outbox& out);
  std::optional<Outcome> over_limit(const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out);
  /// What is told of it is read for the log alone.
  Outcome drop(const Admission::Dropped& dropped, const Datagram& datagram);
  Outcome no_invite(const Flow& flow, bool proven, Outbox& out);
  Outcome refused_by_limit(const Flow& flow, const SourceStanding& source, Outbox& out);
  Outcome stun(std::string_view bytes, const Flow& flow, const SourceStanding& source, Outbox& out);
  Outcome not_a_message(const sip::Prescreened& screened, const Flow& flow, bool proven, Outbox& out);
  Outcome parsed(const sip::ParseVerdict& verdict, const Flow& flow, bool proven, Outbox& out);

  /// The name of what decided; empty: no rule and no gate did.
  [[nodiscard]] std::string_view deciding_rule() const {
    if (decision.gate != nullptr) return decision.gate->name;
    return decision.rule ? state.policy->rule_name(*decision.rule) : std::string_view();
  }
  /// Where that stands; nullptr: in no file.
  [[nodiscard]] const acl::SourceLine* deciding_place() const {
    if (decision.gate != nullptr) return &decision.gate->at;
    return decision.rule ? state.policy->rule_place(*decision.rule) : nullptr;
  }
  [[nodiscard]] Admission::Why why() const {
    return {deciding_rule(), decision.detail, decision.number, decision.number_class, deciding_place(), decision.proven};
  }
  /// What has come into `out` from the entry `first` on is about to be sent.
  void sent(std::size_t first, TimePoint now, Outbox& out) {
    admission.hold_back(out, first, now);
    state.metrics.count_responses(out.items().subspan(first));
  }
  /// For the log, if it has room for it: of a flood it seldom has, and nothing is put together.
  void tell_refused(Outcome outcome, const Flow& flow, TimePoint now) {
    const EventKind kind = Admission::kind_of_refusal(read ? message.method : unread_method);
    if (state.journal.admits(kind, outcome, now))
      admission.write(why(), admission.event_of(kind, outcome, read ? &message : nullptr, flow));
  }
  /// Nothing speaks against the message that is being handled, or only what does not hold now.
  [[nodiscard]] bool passes(Outcome outcome, const Flow& flow, TimePoint now);

  State state;
  Admission admission;
  Emergency emergency;
  Answers answers;
  CallGate gate;
  Proxy proxy;
  KeepAlive keep_alive;
  ScannerWatch scanners;
  sip::RawMessage message;                         ///< the one being handled
  bool read = false;                               ///< it was looked into, so that `message` tells of it
  sip::Method unread_method = sip::Method::other;  ///< of what was refused without that
  Decision decision;                               ///< on the message being handled
  TimePoint next_housekeeping;
};

}  // namespace postern::sbc
