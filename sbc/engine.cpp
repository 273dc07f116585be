#include "sbc/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sbc/admission.hpp"
#include "sbc/answers.hpp"
#include "sbc/keep_alive.hpp"
#include "sbc/proxy.hpp"
#include "sbc/state.hpp"
#include "sbc/stun.hpp"
#include "sip/message.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t timers_a_turn = 4096;  // a stall of the machine must not become one of ours
constexpr std::size_t expiries_a_turn = 256;
constexpr std::chrono::seconds housekeeping{1};

/// RFC 7118 §5.4: a WebSocket message ends by itself.
sip::Framing framing_of(Transport transport) {
  return transport == Transport::tcp || transport == Transport::tls ? sip::Framing::content_length : sip::Framing::datagram;
}

/// What refuses for a rule's sake.
bool is_rules_word(Outcome outcome) {
  using enum Outcome;
  return outcome == rule_drop || outcome == rule_reject || outcome == rule_ban || outcome == default_action;
}

}  // namespace

struct Engine::Impl {
  Impl(Setup setup, const Secrets& secrets, EventSink& events, Company company)
      : state(std::move(setup), secrets, events, std::move(company)),
        admission(state),
        answers(state),
        proxy(state, admission, answers),
        keep_alive(state) {}

  Outcome from_access(const Datagram& datagram, TimePoint now, Outbox& out);
  Outcome from_core(const Datagram& datagram, TimePoint now, Outbox& out);
  Outcome access_request(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out);
  void look_for_proof(const Dialog& dialog, const CredentialsVerdict& credentials, const Flow& flow, SourceStanding& source, TimePoint now);
  Outcome access_response(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out);
  /// Step 5: what the transaction layer deals with by itself; nullopt: a request to be routed.
  std::optional<Outcome> matched(const BranchId& id, const Flow& flow, TimePoint now, Outbox& out);
  /// What the rules say; nullopt: the request may go on.
  std::optional<Outcome> refused(std::string_view request_user, const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out);
  std::optional<Outcome> for_registered_only(const Flow& flow, const SourceStanding& source, Outbox& out);
  /// What is asked of a request that is of no dialog of this flow: the rules, and registered_only if it is of none at all.
  std::optional<Outcome> refused_outside(std::string_view user, const Dialog& dialog, const Flow& flow, const SourceStanding& source,
                                         TimePoint now, Outbox& out);
  std::optional<Outcome> over_limit(const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out);
  Outcome no_invite(const Flow& flow, bool proven, Outbox& out);
  Outcome refused_by_limit(const Flow& flow, const SourceStanding& source, Outbox& out);
  Outcome stun(std::string_view bytes, const Flow& flow, const SourceStanding& source, Outbox& out);
  Outcome not_a_message(const sip::Prescreened& screened, const Flow& flow, bool proven, Outbox& out);
  Outcome parsed(const sip::ParseVerdict& verdict, const Flow& flow, bool proven, Outbox& out);

  State state;
  Admission admission;
  Answers answers;
  Proxy proxy;
  KeepAlive keep_alive;
  sip::RawMessage message;                  ///< the one being handled
  bool read = false;                        ///< it was looked into, so that `message` tells of it
  sip::Method unread = sip::Method::other;  ///< the method of what was refused without that
  Decision decision;                        ///< on the message being handled
  TimePoint next_housekeeping;
};

Engine::Engine(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets, EventSink& events, Company company)
    : impl_(std::make_unique<Impl>(Setup(std::move(options), std::move(policy)), secrets, events, std::move(company))) {}
Engine::~Engine() = default;

Setup Engine::apply(Setup setup, TimePoint now) {
  Setup before = impl_->state.apply(std::move(setup));
  impl_->admission.apply(now);
  return before;
}

bool Engine::awaits_answers(std::uint8_t listener) const { return impl_->state.transactions.awaits_answers(listener); }

Outcome Engine::handle(const Datagram& datagram, TimePoint now, Outbox& out) {
  Impl& impl = *impl_;
  const std::size_t before = out.items().size();
  impl.read = false;
  impl.unread = sip::Method::other;
  impl.decision = {};
  if (!impl.state.started) impl.state.started = now;
  const Outcome outcome = datagram.flow.side == Side::access ? impl.from_access(datagram, now, out) : impl.from_core(datagram, now, out);
  ++impl.state.metrics.outcomes[static_cast<std::size_t>(outcome)];
  impl.admission.hold_back(out, before, now);
  impl.state.metrics.count_responses(out.items().subspan(before));
  if (info(outcome).kind == OutcomeKind::refused) {
    // A rule that let it pass has not decided what was refused for another reason.
    if (!is_rules_word(outcome)) impl.decision = {{}, false, impl.decision.detail};
    const std::string_view rule = impl.decision.rule ? impl.state.policy->rule_name(*impl.decision.rule) : std::string_view();
    impl.admission.log_refused(outcome, {rule, impl.decision.detail, impl.unread}, impl.read ? &impl.message : nullptr, datagram.flow, now);
  }
  return outcome;
}

Outcome Engine::Impl::from_access(const Datagram& datagram, TimePoint now, Outbox& out) {
  const Flow& flow = datagram.flow;
  SourceStanding source = admission.check_source(flow, datagram.bytes.size(), now);
  // A connection proves its source by itself.
  if (!is_datagram(flow.transport) && source.outcome != Outcome::banned) admission.prove(source, flow, now);
  if (source.live) state.registrations.heard(flow, now);
  if (source.outcome != Outcome::forwarded && !source.answerable() && !source.proved_before) return source.outcome;
  if (const auto dropped = source.outcome == Outcome::forwarded ? admission.drop_unread(datagram.bytes, flow, source, now) : std::nullopt) {
    decision.rule = dropped->rule;
    unread = dropped->method;
    return Outcome::rule_drop;
  }

  const sip::Prescreened screened = sip::prescreen(datagram.bytes, message, framing_of(flow.transport));
  if (screened.result != sip::PrescreenResult::message) {
    if (source.outcome != Outcome::forwarded) return source.outcome;
    if (screened.result == sip::PrescreenResult::stun) return stun(datagram.bytes, flow, source, out);
    read = screened.answerable;
    // Whom a rule keeps out gets no 400 either.
    if (screened.answerable) {
      if (const auto ended = refused(message.request_user, flow, source, now, out)) return *ended;
    }
    return not_a_message(screened, flow, false, out);
  }
  read = true;
  state.metrics.count_received(flow, message.method);
  return message.is_request ? access_request(flow, source, now, out) : access_response(flow, source, now, out);
}

Outcome Engine::Impl::access_response(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out) {
  // Nobody else was asked, and a stranger's costs nothing.
  const bool to_keep_alive = source.live && keep_alive.answered(message, flow);
  if (to_keep_alive || proxy.awaits(message, flow)) admission.prove(source, flow, now);
  if (to_keep_alive) return Outcome::keep_alive;
  return source.outcome == Outcome::forwarded ? proxy.response(message, flow, now, out) : source.outcome;
}

void Engine::Impl::look_for_proof(const Dialog& dialog, const CredentialsVerdict& credentials, const Flow& flow, SourceStanding& source,
                                  TimePoint now) {
  if (dialog.own() || credentials.proven()) {
    admission.prove(source, flow, now);
  } else if (source.live && proxy.refreshes(message, flow, now)) {
    admission.give_own_allowance(source, flow, now);
  }
}

Outcome Engine::Impl::access_request(const Flow& flow, SourceStanding& source, TimePoint now, Outbox& out) {
  const Dialog dialog = proxy.dialog_of(message, flow);
  CredentialsVerdict credentials = state.credentials.judge(message, flow.peer.address, now);
  ++state.metrics.credentials[static_cast<std::size_t>(credentials.standing)];
  look_for_proof(dialog, credentials, flow, source, now);
  if (source.outcome != Outcome::forwarded) return refused_by_limit(flow, source, out);
  const auto user = dialog.target ? dialog.target->user : message.request_user;
  const bool in_transaction = message.method == sip::Method::cancel || message.method == sip::Method::ack;
  // Rules and limits judge what stands outside a dialog; ACK and CANCEL belong to a transaction, or to nothing.
  const bool judged = !dialog.own() && !in_transaction;
  if (judged) {
    if (const auto ended = refused_outside(user, dialog, flow, source, now, out)) return *ended;
  }
  const BranchId id = branch_id_of(state.mac, flow, message);
  if (const auto ended = matched(id, flow, now, out)) {
    if (*ended != Outcome::no_transaction) return *ended;
    // A CANCEL of nothing is a request like any other: who meets silence with an INVITE meets it here.
    if (const auto ruled = refused(user, flow, source, now, out)) return *ruled;
    // After a restart its INVITE may be with the PBX (§16.10: a CANCEL of nothing that is known is passed on statelessly).
    if (!state.recalls(now)) return no_invite(flow, source.proven, out);
  }
  // So does an ACK that names no dialog: it is to a final answer that came after a restart, or to nothing.
  if (message.method == sip::Method::ack && !dialog.target && state.recalls(now)) {
    if (const auto ruled = refused(user, flow, source, now, out)) return *ruled;
  }
  // Only now, so that a repetition spends nothing and is never answered otherwise than what it repeats.
  if (judged) {
    // What was under way when its listener was taken away goes on; nothing new begins there.
    if (!state.options.listeners[flow.listener].open) return Outcome::listener_gone;
    if (const auto ended = over_limit(flow, source, now, out)) return *ended;
  }
  if (const auto ended = proxy.refused(message, flow, dialog, now, out)) return *ended;
  if (const auto verdict = sip::check(message); !verdict.ok()) return parsed(verdict, flow, source.proven, out);
  return proxy.request_from_access({message, flow, id, dialog, source, credentials}, now, out);
}

std::optional<Outcome> Engine::Impl::refused_outside(std::string_view user, const Dialog& dialog, const Flow& flow,
                                                     const SourceStanding& source, TimePoint now, Outbox& out) {
  if (const auto ended = refused(user, flow, source, now, out)) return ended;
  return dialog.is_known() ? std::nullopt : for_registered_only(flow, source, out);
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
  decision = {standing.rule, standing.bans, {}};
  if (standing.outcome == Outcome::forwarded) return std::nullopt;
  if (standing.status != 0) answers.send(message, flow, false, {standing.status, {}, {}}, out);
  return standing.outcome;
}

std::optional<Outcome> Engine::Impl::for_registered_only(const Flow& flow, const SourceStanding& source, Outbox& out) {
  const RequestStanding standing = admission.check_registered(message, source);
  if (standing.outcome == Outcome::forwarded) return std::nullopt;
  answers.send(message, flow, false, {standing.status, {}, {}}, out);
  return standing.outcome;
}

std::optional<Outcome> Engine::Impl::over_limit(const Flow& flow, const SourceStanding& source, TimePoint now, Outbox& out) {
  const RequestStanding standing = admission.check_method(message, flow, source, now);
  if (standing.outcome == Outcome::forwarded) return std::nullopt;
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

void Engine::expect(const acl::Address& source) { impl_->state.expect(source); }
void Engine::expect_soon(const acl::Address& source) { impl_->state.expect_soon(source); }

const Decision& Engine::last_decision() const { return impl_->decision; }
void Engine::restore(DurableState kept, TimePoint now) { restore_durable(impl_->state, std::move(kept), now); }

void Engine::tell(DurableSink& sink) { tell_durable(impl_->state, sink); }
void Engine::learn(const Note& note, TimePoint now) {
  impl_->state.learn(note, now, [&](const Binding& binding) { impl_->proxy.ended(binding, now); });
}
void Engine::retell(RetellCursor& cursor, TimePoint now) const { retell_durable(impl_->state, cursor, now); }

bool Engine::list(ListCursor& cursor, std::size_t limit, TimePoint now, const std::function<void(const Binding&)>& visit) const {
  return impl_->state.registrations.list(cursor, limit, now, visit);
}

bool Engine::list(ListCursor& cursor, std::size_t limit, const std::function<void(const Call&)>& visit) const {
  return impl_->state.calls.list(cursor, limit, visit);
}

void Engine::set_token_keys(const Secrets& secrets) { impl_->state.set_token_keys(secrets); }

Outcome Engine::connected(const Flow& flow, TimePoint now) {
  Impl& impl = *impl_;
  const RequestStanding standing = impl.admission.check_connection(flow, now);
  impl.decision = {};
  impl.decision.rule = standing.rule;
  if (standing.outcome == Outcome::forwarded) {
    impl.state.connections.open(flow);
    return standing.outcome;
  }
  ++impl.state.metrics.outcomes[static_cast<std::size_t>(standing.outcome)];
  const std::string_view rule = standing.rule ? impl.state.policy->rule_name(*standing.rule) : std::string_view();
  impl.admission.log_refused(standing.outcome, {rule, {}}, nullptr, flow, now);
  return standing.outcome;
}

void Engine::connection_refused(const Flow& flow, std::string_view why, std::string_view meaning, TimePoint now) {
  impl_->admission.log_connection_refused(why, meaning, flow, now);
}

void Engine::disconnected(const Flow& flow, TimePoint now) {
  impl_->state.connections.close(flow);
  impl_->state.transactions.lost(flow, now);
}

void Engine::pbx_connected(const Endpoint& pbx, TimePoint now) { impl_->state.health.linked(pbx, now); }
void Engine::pbx_disconnected(const Endpoint& pbx, std::string_view why, TimePoint now) {
  impl_->state.health.unlinked(pbx, why, now);
  impl_->state.transactions.lost(pbx, now);
}

bool Engine::keeps(const Flow& flow, TimePoint now) const {
  return impl_->state.registrations.live(flow, now) || impl_->state.connections.needed(flow, now);
}

std::optional<TimePoint> Engine::next_deadline() const {
  std::optional<TimePoint> next = impl_->state.transactions.next_deadline();
  const auto earlier = [&next](const std::optional<TimePoint>& other) {
    if (other && (!next || *other < *next)) next = other;
  };
  earlier(impl_->state.journal.next_summary());
  earlier(impl_->state.health.next_deadline());
  earlier(impl_->keep_alive.next_deadline());
  // Bindings and bans end on their own wherever they are looked at; taking them out of the tables is not urgent.
  const State& state = impl_->state;
  for (const auto& expiry : {state.registrations.next_expiry(), state.fellow_bindings.next_expiry(), state.calls.next_expiry()}) {
    if (expiry) earlier(std::max(*expiry, impl_->next_housekeeping));
  }
  if (state.bans.size() + state.fellow_bans.size() > 0) earlier(impl_->next_housekeeping);
  return next;
}

void Engine::advance(TimePoint now, Outbox& out) {
  State& state = impl_->state;
  const std::size_t before = out.items().size();
  state.transactions.advance(now, timers_a_turn, out);
  state.health.advance(now, out);
  impl_->keep_alive.advance(now, out);
  impl_->admission.hold_back(out, before, now);
  state.metrics.count_responses(out.items().subspan(before));
  state.journal.summarise(now);
  if (now < impl_->next_housekeeping) return;
  impl_->next_housekeeping = now + housekeeping;
  state.registrations.expire(now, expiries_a_turn, [&](const Binding& binding) { impl_->proxy.ended(binding, now); });
  state.fellow_bindings.expire(now, expiries_a_turn);
  state.calls.expire(now, expiries_a_turn);
  impl_->admission.expire_bans(now);
}

const Metrics& Engine::metrics() const { return impl_->state.metrics; }
Gauges Engine::gauges() const { return impl_->state.gauges(); }

}  // namespace postern::sbc
