#include "sbc/engine.hpp"

#include <algorithm>

#include "sbc/engine_impl.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t timers_a_turn = 4096;  // a stall of the machine must not become one of ours
constexpr std::size_t expiries_a_turn = 256;
constexpr std::chrono::seconds housekeeping{1};

/// What refuses for a rule's sake.
bool is_rules_word(Outcome outcome) {
  using enum Outcome;
  return outcome == rule_drop || outcome == rule_reject || outcome == rule_ban || outcome == default_action;
}

/// What refuses for the sake of a gate behind them.
bool is_gates_word(Outcome outcome) { return outcome == Outcome::device_denied || outcome == Outcome::call_denied; }

}  // namespace

Engine::Engine(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets, EventSink& events, Company company)
    : impl_(std::make_unique<Impl>(Setup(std::move(options), std::move(policy)), secrets, events, std::move(company))) {}
Engine::~Engine() = default;

Setup Engine::apply(Setup setup, TimePoint now) {
  Setup before = impl_->state.apply(std::move(setup));
  impl_->admission.apply(now);
  impl_->proxy.apply(now);
  return before;
}

bool Engine::awaits_answers(std::uint8_t listener) const { return impl_->state.transactions.awaits_answers(listener); }

Outcome Engine::handle(const Datagram& datagram, TimePoint now, Outbox& out) {
  Impl& impl = *impl_;
  const std::size_t before = out.items().size();
  impl.read = false;
  impl.unread_method = sip::Method::other;
  impl.decision.clear();
  impl.state.packet = datagram.bytes;
  if (!impl.state.started) impl.state.started = now;
  const Outcome outcome = datagram.flow.side == Side::access ? impl.from_access(datagram, now, out) : impl.from_core(datagram, now, out);
  ++impl.state.metrics.outcomes[static_cast<std::size_t>(outcome)];
  if (out.items().size() > before) impl.sent(before, now, out);
  if (info(outcome).kind == OutcomeKind::refused) {
    // What let it pass has not decided what was refused for another reason.
    if (!is_rules_word(outcome)) impl.decision.rule.reset();
    if (!is_gates_word(outcome)) impl.decision.gate = nullptr;
    impl.tell_refused(outcome, datagram.flow, now);
  }
  impl.state.packet = {};
  return outcome;
}

void Engine::expect(const acl::Address& source) { impl_->state.expect(source); }
bool Engine::expect_soon(const acl::Address& source) { return impl_->state.expect_soon(source); }
void Engine::expect_next(const acl::Address& source) { impl_->state.expect_next(source); }

const Decision& Engine::last_decision() const { return impl_->decision; }
void Engine::restore(DurableState kept, TimePoint now) {
  restore_durable(impl_->state, std::move(kept), now);
  impl_->admission.jail().spare_exempt(now);
}

void Engine::tell(DurableSink& sink) { tell_durable(impl_->state, sink); }
void Engine::learn(const Note& note, TimePoint now) {
  impl_->state.learn(note, now, [&](const Binding& binding) { impl_->proxy.ended(binding, now); });
}
void Engine::retell(RetellCursor& cursor, TimePoint now) const { retell_durable(impl_->state, cursor, now); }

bool Engine::list(ListCursor& cursor, std::size_t limit, TimePoint now, const std::function<void(const Binding&)>& visit) const {
  return impl_->state.registrations.list(cursor, limit, now, visit);
}

PbxStanding Engine::pbx_standing() const { return impl_->state.health.standing(); }

bool Engine::list(ListCursor& cursor, std::size_t limit, const std::function<void(const Call&)>& visit) const {
  return impl_->state.calls.list(cursor, limit, visit);
}

void Engine::set_passes(std::shared_ptr<const acl::TravelPasses> passes) { impl_->state.passes = std::move(passes); }
void Engine::set_switches(std::shared_ptr<const Switches> switches) { impl_->state.switches = std::move(switches); }
bool Engine::list(JailedCursor& cursor, std::size_t limit, TimePoint now, const VisitJailed& visit) const {
  return impl_->admission.jail().list(cursor, limit, now, visit);
}

SourceFacts Engine::facts_of(const Flow& flow, TimePoint now) {
  State& state = impl_->state;
  const acl::Address& address = flow.peer.address;
  const acl::Address source = acl::SourceKey(address).address();
  SourceFacts facts;
  if (const acl::Ban* ban = state.ban_of(address, now)) {
    facts.ban = DurableBan{source, ban->until, static_cast<Cause>(ban->cause), ban->since, ban->strikes};
    facts.proven = ban->proof == acl::Proof::proven;
  }
  state.strikes.blocks.each(now, SIZE_MAX, [&](const AccountBlock& block) {
    if (block.source == source) facts.blocks.push_back(block);
  });
  if (const auto user = state.registrations.user_over(flow, now)) facts.device = std::string(*user);
  facts.devices = state.registrations.devices_at(address, now);
  facts.known = facts.devices > 0 || state.strikes.accepts_some(address, now);
  facts.over_limit = impl_->admission.over_source_limit(flow, now);
  return facts;
}

bool Engine::serves(const acl::Address& source) const { return impl_->state.serves(source); }
std::size_t Engine::devices_at(const acl::Address& source, TimePoint now) const {
  return impl_->state.registrations.devices_at(source, now);
}
bool Engine::ban(const acl::Address& source, std::chrono::seconds duration, TimePoint now) {
  return impl_->admission.jail().ban(source, duration, now);
}
bool Engine::pardon(const acl::Address& source, std::string_view account, TimePoint now) {
  return impl_->admission.jail().pardon(source, account, now);
}
std::size_t Engine::pardon_all(TimePoint now) { return impl_->admission.jail().pardon_all(now); }

void Engine::set_token_keys(const Secrets& secrets) { impl_->state.set_token_keys(secrets); }

Outcome Engine::connected(const Flow& flow, TimePoint now) {
  Impl& impl = *impl_;
  const RequestStanding standing = impl.admission.check_connection(flow, now);
  impl.decision.clear();
  impl.decision.rule = standing.rule;
  if (standing.outcome == Outcome::forwarded) {
    impl.state.connections.open(flow);
    return standing.outcome;
  }
  ++impl.state.metrics.outcomes[static_cast<std::size_t>(standing.outcome)];
  impl.read = false;
  impl.unread_method = sip::Method::other;
  impl.tell_refused(standing.outcome, flow, now);
  return standing.outcome;
}

void Engine::connection_refused(const Flow& flow, std::string_view why, std::string_view meaning, bool malformed, TimePoint now) {
  if (malformed) impl_->admission.jail().malformed(nullptr, flow, true, now);
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
  if (state.bans.size() + state.fellow_bans.size() + state.strikes.blocks.size() > 0) earlier(impl_->next_housekeeping);
  return next;
}

void Engine::advance(TimePoint now, Outbox& out) {
  State& state = impl_->state;
  const std::size_t before = out.items().size();
  state.transactions.advance(now, timers_a_turn, out);
  state.health.advance(now, out);
  impl_->keep_alive.advance(now, out);
  impl_->sent(before, now, out);
  state.journal.summarise(now);
  if (now < impl_->next_housekeeping) return;
  impl_->next_housekeeping = now + housekeeping;
  state.registrations.expire(now, expiries_a_turn, [&](const Binding& binding) { impl_->proxy.ended(binding, now); });
  state.fellow_bindings.expire(now, expiries_a_turn);
  state.calls.expire(now, expiries_a_turn);
  state.credentials.expire(now);
  impl_->admission.expire_bans(now);
}

const Metrics& Engine::metrics() const { return impl_->state.metrics; }
const Metrics& Engine::metrics_at_apply() const { return impl_->state.metrics_at_apply; }
Gauges Engine::gauges() const {
  Gauges gauges = impl_->state.gauges();
  gauges.evicted_emergency_callers = impl_->emergency.evictions();
  return gauges;
}

}  // namespace postern::sbc
