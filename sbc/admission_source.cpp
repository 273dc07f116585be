// What is decided before a message is read: step 2 of a datagram's life.
#include "sbc/admission.hpp"

#include <algorithm>

namespace postern::sbc {
namespace {

constexpr std::uint32_t most_unproven_shares = 10;  // an office behind one address starts ten phones at once, not a thousand

}  // namespace

SourceStanding Admission::check_ban(const Flow& flow, TimePoint now) {
  SourceStanding standing;
  const acl::Address& address = flow.peer.address;
  const acl::Ban* ban = state_.ban_of(address, now);
  standing.settled = ban != nullptr && ban->settled;
  if (!standing.settled) {
    callers_.seen(address);
    standing.live = state_.registrations.live(flow, now);
    if (ban == nullptr || standing.live || state_.trusts(address)) return standing;
  }
  const Outcome outcome = ban->proof == acl::Proof::proven ? Outcome::banned : Outcome::silenced;
  if (spares(outcome, {}, nullptr, flow, now)) {
    standing.settled = false;
    return standing;
  }
  standing.outcome = outcome;
  if (standing.settled) return standing;
  standing.accepts_some = state_.strikes.accepts_some(address, now);
  // Of a stranger who is silenced nothing else counts.
  standing.settled = (outcome == Outcome::banned || !ban->heard_out) && !standing.accepts_some;
  // The ban is of all who bear that address: registered flows, and what is trusted within an IPv6 /64, pass it each by itself.
  ban->settled = standing.settled && address.is_v4() && state_.registrations.devices_at(address, now) == 0;
  return standing;
}

void Admission::check_limits(std::size_t size, const Flow& flow, SourceStanding& source, TimePoint now) {
  const acl::Address& address = flow.peer.address;
  source.trusted = state_.trusts(address);
  acl::Source& remembered = state_.sources.touch(address, now);
  source.known = remembered.known(now);
  source.proved_before = remembered.proved_itself(now);
  remembered.answers.received(size, now);
  const auto takes_share = [&] { return !per_source_ || remembered.unproven.take(unproven_limit(source.trusted, address, now), now); };
  if (source.outcome != Outcome::forwarded) {
    // To look for an account that may pass is not to cost more than what anybody may send.
    source.accepts_some = source.accepts_some && takes_share();
    return;
  }
  const bool has_share = takes_share();
  source.took_share = per_source_ && has_share;
  if (!has_share && !spares(Outcome::source_limit, {}, nullptr, flow, now)) {
    source.outcome = Outcome::source_limit;
    return;
  }
  const bool shares = unknown_sources_ && !source.answerable();
  source.took_strangers_share = shares && state_.shared->unknown_sources.take(*unknown_sources_, now);
  if (shares && !source.took_strangers_share && !spares(Outcome::unknown_sources_limit, {}, nullptr, flow, now))
    source.outcome = Outcome::unknown_sources_limit;
}

bool Admission::over_source_limit(const Flow& flow, TimePoint now) {
  const acl::Address& address = flow.peer.address;
  if (!per_source_) return false;
  return state_.sources.touch(address, now).unproven.wait(unproven_limit(state_.trusts(address), address, now), now) >
         acl::Duration::zero();
}

acl::RateLimit Admission::unproven_limit(bool trusted, const acl::Address& address, TimePoint now) const {
  return trusted ? *per_source_trusted_ : unproven_share(*per_source_, address, now);
}

acl::RateLimit Admission::unproven_share(const acl::RateLimit& limit, const acl::Address& address, TimePoint now) const {
  return limit.times(std::min(devices_at(address, now), most_unproven_shares));
}

std::optional<Admission::Dropped> Admission::drop_by_source(std::string_view bytes, const Flow& flow, SourceStanding& source,
                                                            TimePoint now) {
  if (state_.may_have_pass(flow.peer.address, now)) return std::nullopt;
  const acl::EarlyVerdict verdict = state_.verdicts.of(flow.peer.address, source.live, flow.listener,
                                                       [&] { return state_.policy->judge_source(facts_of(flow, source)); });
  source.first_rule = verdict.rule;
  source.head_may_tell = !verdict.drops && state_.policy->may_drop_head(verdict.rule);
  const auto glance = verdict.drops ? sip::glance(bytes) : std::nullopt;
  if (!glance || may_pass_rules(*glance, flow, source, now)) return std::nullopt;
  return drop(verdict.rule, *glance, flow, now);
}

std::optional<Admission::Dropped> Admission::drop_by_head(std::string_view bytes, const Flow& flow, SourceStanding& source, TimePoint now) {
  if (!source.head_may_tell) return std::nullopt;
  const auto glance = sip::glance(bytes);
  const auto user_agent = glance ? sip::glance_user_agent(bytes, *glance) : std::nullopt;
  if (!user_agent) return std::nullopt;
  acl::RequestFacts facts = facts_of(flow, source);
  facts.method = glance->method_text;
  facts.user_agent = *user_agent;
  const acl::EarlyVerdict verdict = state_.policy->judge_head(facts, source.first_rule);
  source.first_rule = verdict.rule;
  if (!verdict.drops || may_pass_rules(*glance, flow, source, now)) return std::nullopt;
  return drop(verdict.rule, *glance, flow, now);
}

bool Admission::may_pass_rules(const sip::Glance& glance, const Flow& flow, const SourceStanding& source, TimePoint now) const {
  const bool may_be_emergency =
      glance.method == sip::Method::invite && !state_.policy->emergency().empty() && (source.live || state_.trusts(flow.peer.address));
  return may_be_emergency || only_counts(state_.enforcement(now), Outcome::rule_drop);
}

Admission::Dropped Admission::drop(int rule, const sip::Glance& glance, const Flow& flow, TimePoint now) {
  ++state_.metrics.rules[static_cast<std::size_t>(rule)].matches;
  state_.metrics.count_received(flow, glance.method);
  return {rule, glance.method, state_.journal.would_admit(kind_of_refusal(glance.method), Outcome::rule_drop, now)};
}

acl::RequestFacts Admission::facts_of(const Flow& flow, const SourceStanding& source) const {
  acl::RequestFacts facts;
  facts.source = flow.peer.address;
  facts.listener = state_.options.listeners[flow.listener].name;
  facts.transport = to_string(flow.transport);
  facts.registered = source.live;
  facts.countries = &state_.countries;
  facts.user_agent_memory = &state_.user_agents;
  return facts;
}

}  // namespace postern::sbc
