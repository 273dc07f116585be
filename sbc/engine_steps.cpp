// The steps of a datagram's life, in their order (docs/life-of-a-datagram.md).
#include <fmt/format.h>

#include <algorithm>

#include "sbc/device_gate.hpp"
#include "sbc/engine_impl.hpp"
#include "sbc/stun.hpp"

namespace postern::sbc {
namespace {

/// RFC 7118 §5.4: a WebSocket message ends by itself.
sip::Framing framing_of(Transport transport) {
  return transport == Transport::tcp || transport == Transport::tls ? sip::Framing::content_length : sip::Framing::datagram;
}

}  // namespace

Outcome Engine::Impl::from_access(const Datagram& datagram, TimePoint now, Outbox& out) {
  const Flow& flow = datagram.flow;
  SourceStanding source = admission.check_ban(flow, now);
  if (source.live) state.registrations.heard(flow, now);
  const bool trap = state.options.listeners[flow.listener].trap;  // for everybody, whatever the rules say of him
  if (source.outcome == Outcome::forwarded && !trap) {
    if (const auto dropped = admission.drop_by_source(datagram.bytes, flow, source, now)) return drop(*dropped, datagram);
  }
  if (!source.settled) admission.check_limits(datagram.bytes.size(), flow, source, now);
  // A connection proves its source by itself.
  if (!is_datagram(flow.transport)) admission.prove(source, flow, now);
  // A banned source's is read only to look for an account that may pass, as often as its allowance lasts.
  const bool may_be_read = source.accepts_some || (source.outcome != Outcome::banned && (source.answerable() || source.proved_before));
  if (source.outcome != Outcome::forwarded && !may_be_read) return source.outcome;
  if (trap) return trapped(datagram, source.proven, now);
  if (source.outcome == Outcome::forwarded) {
    if (const auto dropped = admission.drop_by_head(datagram.bytes, flow, source, now)) return drop(*dropped, datagram);
  }

  source.locked_out = admission.locked_out(flow, source, now);
  const sip::Prescreened screened = sip::prescreen(datagram.bytes, message, framing_of(flow.transport));
  if (screened.result != sip::PrescreenResult::message) return no_message(screened, datagram, source, now, out);
  read = true;
  state.metrics.count_received(flow, message.method);
  return message.is_request ? access_request(flow, source, now, out) : access_response(flow, source, now, out);
}

Outcome Engine::Impl::drop(const Admission::Dropped& dropped, const Datagram& datagram) {
  decision.rule = dropped.rule;
  unread_method = dropped.method;
  read =
      dropped.told && sip::prescreen(datagram.bytes, message, framing_of(datagram.flow.transport)).result == sip::PrescreenResult::message;
  return Outcome::rule_drop;
}

Outcome Engine::Impl::no_message(const sip::Prescreened& screened, const Datagram& datagram, const SourceStanding& source, TimePoint now,
                                 Outbox& out) {
  const Flow& flow = datagram.flow;
  if (source.outcome != Outcome::forwarded) return source.outcome;
  if (source.locked_out) return Outcome::lockdown;
  if (screened.result == sip::PrescreenResult::stun) return stun(datagram.bytes, flow, source, out);
  read = screened.answerable;
  // Whom a rule keeps out gets no 400 either.
  if (screened.answerable) {
    if (const auto ended = refused(message.request_user, flow, source, now, out)) return *ended;
  }
  if (screened.result == sip::PrescreenResult::malformed)
    admission.jail().malformed(screened.answerable ? &message : nullptr, flow, source.proven, now);
  return not_a_message(screened, flow, false, out);
}

Outcome Engine::Impl::access_response(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out) {
  // Nobody else was asked, and a stranger's costs nothing.
  const bool to_keep_alive = source.live && keep_alive.answered(message, flow);
  const bool awaited = proxy.awaits(message, flow);
  if (to_keep_alive || awaited) admission.prove(source, flow, now);
  if (to_keep_alive) return Outcome::keep_alive;
  if (awaited) emergency.carry_on(message, flow, source);
  return source.outcome == Outcome::forwarded ? proxy.response(message, flow, now, out) : source.outcome;
}

Outcome Engine::Impl::trapped(const Datagram& datagram, bool proven, TimePoint now) {
  const sip::Prescreened screened = sip::prescreen(datagram.bytes, message, framing_of(datagram.flow.transport));
  const bool is_sip = screened.result == sip::PrescreenResult::message || screened.result == sip::PrescreenResult::malformed;
  if (!is_sip) return screened.result == sip::PrescreenResult::keep_alive ? Outcome::keep_alive : Outcome::garbage;
  read = screened.result == sip::PrescreenResult::message || screened.answerable;
  admission.trapped(read ? &message : nullptr, datagram.flow, proven, now);
  return Outcome::trap;
}

bool Engine::Impl::passes(Outcome outcome, const Flow& flow, TimePoint now) {
  if (outcome == Outcome::forwarded) return true;
  if (!admission.spares(outcome, why(), &message, flow, now)) return false;
  // It has decided nothing.
  decision.gate = nullptr;
  decision.detail = decision.number = decision.number_class = {};
  decision.proven = false;
  return true;
}

std::optional<Outcome> Engine::Impl::jailed(std::string_view request_user, const Flow& flow, const SourceStanding& source,
                                            const CredentialsVerdict& credentials, TimePoint now, Outbox& out) {
  return end_with(admission.check_jail(message, request_user, flow, source, credentials, now), flow, source, now, out);
}

std::optional<Outcome> Engine::Impl::end_with(const RequestStanding& standing, const Flow& flow, const SourceStanding& source,
                                              TimePoint now, Outbox& out) {
  if (passes(standing.outcome, flow, now)) return std::nullopt;
  if (standing.status == 503) {
    answers.overloaded(message, flow, source.proven, out);
  } else if (standing.status != 0) {
    answers.send(message, flow, source.proven, {standing.status, {}, {}}, out);
  }
  return standing.outcome;
}

void Engine::Impl::look_for_proof(const Dialog& dialog, const CredentialsVerdict& credentials, const Flow& flow, SourceStanding& source,
                                  TimePoint now) {
  if (dialog.own() || credentials.proven()) {
    admission.prove(source, flow, now);
    if (dialog.own()) scanners.call_goes_on(flow, source, now);
  } else if (source.live && proxy.refreshes(message, flow, now)) {
    admission.give_own_allowance(source, flow, now);
  }
}

Outcome Engine::Impl::access_request(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out) {
  const Dialog dialog = proxy.dialog_of(message, flow);
  CredentialsVerdict credentials = state.credentials.judge(message, flow.peer.address, now);
  ++state.metrics.credentials[static_cast<std::size_t>(credentials.standing)];
  look_for_proof(dialog, credentials, flow, source, now);
  const bool in_transaction = message.method == sip::Method::cancel || message.method == sip::Method::ack;
  look_for_help(dialog.own() || in_transaction, flow, source, now);
  if (source.accepts_some && admission.jail().passes_ban(message, flow, credentials, now)) source.outcome = Outcome::forwarded;
  if (source.outcome != Outcome::forwarded) {
    if (source.proven && !source.live && source.outcome == Outcome::source_limit) admission.jail().flooded(message, flow, now);
    return refused_by_limit(flow, source, out);
  }
  const auto user = dialog.target ? dialog.target->user : message.request_user;
  if (message.method == sip::Method::ack) scanners.acknowledged(flow, source, now);
  // Rules and limits judge what stands outside a dialog; ACK and CANCEL belong to a transaction, or to nothing.
  const bool judged = !dialog.own() && !in_transaction && !source.emergency;
  if (const auto ended = kept_out(judged, flow, source, credentials, now, out)) return *ended;
  if (judged) {
    if (const auto ended = refused_outside(user, dialog, credentials, flow, source, now, out)) return *ended;
    state.method_buckets.expect(flow.peer.address, static_cast<std::uint8_t>(message.method), source.own_allowance);
  }
  const BranchId id = branch_id_of(state.mac, flow, message);
  const Arrival arrival{message, flow, id, dialog, source, credentials};
  if (const auto ended = of_transaction(arrival, user, now, out)) return *ended;
  // Only now, so that a repetition spends nothing and is never answered otherwise than what it repeats.
  if (const auto ended = judged ? jailed(user, flow, source, credentials, now, out) : std::nullopt) return *ended;
  if (const auto ended = denied_call(user, dialog, flow, source, credentials, now, out)) return *ended;
  if (const auto ended = judged ? refused_newcomer(arrival, now, out) : std::nullopt) return *ended;
  if (const auto ended = proxy.refused(message, flow, dialog, now, out)) return *ended;
  if (const auto verdict = sip::check(message, source.emergency ? sip::Schemes::any : sip::Schemes::sip); !verdict.ok()) {
    admission.jail().malformed(&message, flow, source.proven, now);
    return parsed(verdict, flow, source.proven, out);
  }
  return proxy.request_from_access(arrival, now, out);
}

std::optional<Outcome> Engine::Impl::kept_out(bool judged, const Flow& flow, const SourceStanding& source,
                                              const CredentialsVerdict& credentials, TimePoint now, Outbox& out) {
  if (judged && source.locked_out) return Outcome::lockdown;
  // A transfer out of a call is as good as a call.
  const bool transfers = message.method == sip::Method::refer && !source.emergency;
  if (!judged && !transfers) return std::nullopt;
  return end_with(admission.check_blocks(message, flow, credentials, now), flow, source, now, out);
}

void Engine::Impl::look_for_help(bool goes_on, const Flow& flow, SourceStanding& source, TimePoint now) {
  if (emergency.admit(message, flow, source, now)) decision.gate = &state.policy->emergency().gate();
  if (goes_on) emergency.carry_on(message, flow, source);
}

std::optional<Outcome> Engine::Impl::refused_newcomer(const Arrival& arrival, TimePoint now, Outbox& out) {
  // What was under way when its listener was taken away goes on; nothing new begins there.
  if (!state.options.listeners[arrival.flow.listener].open) return Outcome::listener_gone;
  if (const auto ended = over_limit(arrival.flow, arrival.source, now, out)) return ended;
  if (!arrival.credentials.any_kept() || !proxy.refuses_password(message, arrival.credentials)) return std::nullopt;
  if (passes(Outcome::weak_password, arrival.flow, now)) return std::nullopt;
  answers.send(message, arrival.flow, arrival.source.proven, {403, {}, {}}, out);
  return Outcome::weak_password;
}

std::optional<Outcome> Engine::Impl::of_transaction(const Arrival& arrival, std::string_view user, TimePoint now, Outbox& out) {
  const auto ended = matched(arrival.id, arrival.flow, now, out);
  if (ended && *ended != Outcome::no_transaction) return ended;
  // A CANCEL or an ACK of nothing that is known.
  if (arrival.source.locked_out && !arrival.dialog.own()) return Outcome::lockdown;
  if (ended) {
    // A CANCEL of nothing is a request like any other: who meets silence with an INVITE meets it here.
    if (const auto ruled = refused(user, arrival.flow, arrival.source, now, out)) return ruled;
    if (const auto denied = refused_device(arrival.credentials, arrival.flow, arrival.source, now, out)) return denied;
    // After a restart its INVITE may be with the PBX (§16.10: a CANCEL of nothing that is known is passed on statelessly).
    if (!state.recalls(now)) return no_invite(arrival.flow, arrival.source.proven, out);
  }
  // So does an ACK that names no dialog: it is to a final answer that came after a restart, or to nothing.
  const bool forgotten = message.method == sip::Method::ack && !arrival.dialog.target && state.recalls(now);
  return forgotten ? refused(user, arrival.flow, arrival.source, now, out) : std::nullopt;
}

std::optional<Outcome> Engine::Impl::refused_outside(std::string_view user, const Dialog& dialog, const CredentialsVerdict& credentials,
                                                     const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out) {
  if (const auto ended = refused(user, flow, source, now, out)) return ended;
  if (!dialog.is_known()) {
    if (const auto ended = refused_as_scanner(flow, source, now)) return ended;
  }
  if (const auto ended = refused_device(credentials, flow, source, now, out)) return ended;
  return dialog.is_known() ? std::nullopt : end_with(admission.check_registered(message, source), flow, source, now, out);
}

std::optional<Outcome> Engine::Impl::refused_as_scanner(const Flow& flow, const SourceStanding& source, TimePoint now) {
  if (decision.rule != acl::Verdict::default_rule) return std::nullopt;
  const RequestStanding standing = scanners.check(message, flow, source, now, decision.score);
  if (standing.outcome == Outcome::forwarded) return std::nullopt;
  decision.bans = standing.bans;
  decision.detail = scanners.text();
  if (passes(standing.outcome, flow, now)) return std::nullopt;
  return standing.outcome;
}

std::optional<Outcome> Engine::Impl::denied_call(std::string_view user, const Dialog& dialog, const Flow& flow,
                                                 const SourceStanding& source, const CredentialsVerdict& credentials, TimePoint now,
                                                 Outbox& out) {
  if (source.emergency && message.method == sip::Method::invite) return std::nullopt;
  const auto denial = gate.judge({message, user, dialog, flow, credentials, source.proven}, admission.jail(), now);
  if (!denial) return std::nullopt;
  if (denial->trap) return end_with(admission.walk_into_trap(message, flow, source, now), flow, source, now, out);
  const acl::CallPolicy& policy = *state.policy->calls();
  decision.gate = &policy.gate();
  decision.number = denial->number;
  decision.number_class = denial->number_class;
  decision.proven = source.live || source.proven;
  if (passes(Outcome::call_denied, flow, now)) return std::nullopt;
  answers.send(message, flow, source.proven, {policy.deny_status(), {}, {}}, out);
  return Outcome::call_denied;
}

bool Engine::Impl::is_blocked(const Flow& device, TimePoint now) const {
  // Several devices may share a flow.
  const Binding* called = state.registrations.by_core_contact(message.request_uri);
  return std::ranges::any_of(state.switches->blocks(), [&](const DeviceBlock& block) {
    if (block.outgoing || now >= block.until) return false;
    return called != nullptr ? called->aor_user == block.device : state.registrations.registered_over(block.device, device, now);
  });
}

Outcome Engine::Impl::from_core(const Datagram& datagram, TimePoint now, Outbox& out) {
  const Flow& flow = datagram.flow;
  if (!state.options.pbx.has(flow.peer.address)) return Outcome::not_pbx;
  const sip::Prescreened screened = sip::prescreen(datagram.bytes, message, framing_of(flow.transport));
  if (screened.result != sip::PrescreenResult::message) return not_a_message(screened, flow, true, out);
  read = true;
  const auto target = message.is_request ? proxy.target_of(message) : std::nullopt;
  if (target && state.is_of_another(target->token.flow)) {  // the PBX was given its Contact when the workers were more, or fewer
    state.fellows->hand_over(target->token.flow.peer.address, flow, datagram.bytes);
    return Outcome::handed_over;
  }
  state.metrics.count_received(flow, message.method);
  if (!message.is_request) return proxy.response(message, flow, now, out);
  state.health.heard(flow.peer.address, now);
  const BranchId id = proxy.core_branch_id(message, flow, target);
  if (const auto ended = matched(id, flow, now, out)) {
    if (*ended != Outcome::no_transaction) return *ended;
    if (!state.recalls(now)) return no_invite(flow, true, out);
  }
  if (const auto verdict = sip::check(message); !verdict.ok()) return parsed(verdict, flow, true, out);
  if (target && message.method == sip::Method::invite && message.to_tag.empty() && is_blocked(target->token.flow, now)) {
    answers.send(message, flow, true, {480, {}, {}}, out);
    return Outcome::device_blocked;
  }
  return proxy.request_from_core(message, flow, id, target, now, out);
}

std::optional<Outcome> Engine::Impl::matched(const BranchId& id, const Flow& flow, TimePoint now, Outbox& out) {
  switch (state.transactions.match(id, message, flow, now, out)) {
    case RequestMatch::repeated:
      return Outcome::repeated;
    case RequestMatch::answered:
      return Outcome::answered;
    case RequestMatch::no_invite:
      return Outcome::no_transaction;
    case RequestMatch::fresh:
      break;
  }
  return std::nullopt;
}

Outcome Engine::Impl::refused_by_limit(const Flow& flow, const SourceStanding& source, Outbox& out) {
  // Silence is the answer to the banned, to the silenced, and to strangers.
  const bool told = source.proven || source.answerable();
  if (told && (source.outcome == Outcome::source_limit || source.outcome == Outcome::unknown_sources_limit))
    answers.overloaded(message, flow, source.proven, out);
  return source.outcome;
}

// RFC 5626 §4.4.2. Nobody else learns from it what is here.
Outcome Engine::Impl::stun(std::string_view bytes, const Flow& flow, const SourceStanding& source, Outbox& out) {
  if (!source.live || flow.transport != Transport::udp) return Outcome::stun;
  if (append_stun_answer(out.add(flow, true), bytes, flow.peer)) return Outcome::answered;
  out.drop_last();
  return Outcome::stun;
}

Outcome Engine::Impl::not_a_message(const sip::Prescreened& screened, const Flow& flow, bool proven, Outbox& out) {
  switch (screened.result) {
    case sip::PrescreenResult::keep_alive:
      return Outcome::keep_alive;
    case sip::PrescreenResult::stun:
      return Outcome::stun;
    case sip::PrescreenResult::garbage:
      return Outcome::garbage;
    case sip::PrescreenResult::message:
    case sip::PrescreenResult::malformed:
      break;
  }
  decision.detail = sip::to_string(screened.defect);
  if (screened.answerable) {
    const bool version = screened.defect == sip::Defect::version;
    const bool method = screened.defect == sip::Defect::method;
    const std::string phrase = version || method ? std::string{} : fmt::format("Bad {}", sip::to_string(screened.defect));
    answers.send(message, flow, proven, {version ? 505 : method ? 501 : 400, phrase, {}}, out);
  }
  return Outcome::malformed;
}

std::optional<Outcome> Engine::Impl::refused(std::string_view request_user, const Flow& flow, const SourceStanding& source, TimePoint now,
                                             Outbox& out) {
  const RequestStanding standing = admission.check_rules(message, request_user, flow, source, now);
  decision.rule = standing.rule;
  decision.bans = standing.bans;
  decision.spared = standing.spared;
  if (standing.outcome == Outcome::forwarded) return std::nullopt;
  if (standing.status != 0) answers.send(message, flow, false, {standing.status, {}, {}}, out);
  return standing.outcome;
}

std::optional<Outcome> Engine::Impl::refused_device(const CredentialsVerdict& credentials, const Flow& flow, const SourceStanding& source,
                                                    TimePoint now, Outbox& out) {
  const acl::Gate* const denied = device_denied(state, message, credentials, flow);
  if (denied == nullptr) return std::nullopt;
  decision.gate = denied;
  if (passes(Outcome::device_denied, flow, now)) return std::nullopt;
  answers.send(message, flow, source.proven, {403, {}, {}}, out);
  return Outcome::device_denied;
}

std::optional<Outcome> Engine::Impl::over_limit(const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out) {
  const RequestStanding standing = admission.check_method(message, flow, source, now);
  if (passes(standing.outcome, flow, now)) return std::nullopt;
  if (standing.status != 0) answers.overloaded(message, flow, false, out);
  return standing.outcome;
}

Outcome Engine::Impl::no_invite(const Flow& flow, bool proven, Outbox& out) {
  answers.send(message, flow, proven, {481, {}, {}}, out);
  return Outcome::no_transaction;
}

Outcome Engine::Impl::parsed(const sip::ParseVerdict& verdict, const Flow& flow, bool proven, Outbox& out) {
  decision.detail = verdict.header;
  const std::string phrase = verdict.status == 400 && !verdict.header.empty() ? fmt::format("Bad {}", verdict.header) : std::string{};
  const std::string extra = verdict.status == 420 ? fmt::format("Unsupported: {}\r\n", unfolded(verdict.unsupported)) : std::string{};
  answers.send(message, flow, proven, {verdict.status, phrase, extra}, out);
  return Outcome::malformed;
}

}  // namespace postern::sbc
