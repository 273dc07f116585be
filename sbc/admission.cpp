#include "sbc/admission.hpp"

#include <algorithm>
#include <unordered_map>

#include "sbc/contact.hpp"
#include "sip/digest.hpp"

namespace postern::sbc {
namespace {

constexpr std::uint32_t trusted_allowance = 10;  // an unproven packet of a trusted source: ten times per_source
constexpr std::uint32_t most_devices = 10'000;   // of one address; keeps the arithmetic of the allowance small
constexpr std::chrono::seconds soonest_return{2}, latest_return{600};

std::optional<acl::RateLimit> limit_of(const std::optional<acl::Rate>& rate, TimePoint since) {
  if (!rate) return std::nullopt;
  return acl::RateLimit{*rate}.since(since);
}

/// A count for each rule, that of the rule of the same name taken over. Of rules with one name each takes over one.
RuleCounts counts_of(const acl::Policy& policy, const RuleCounts& before) {
  std::unordered_multimap<std::string_view, std::uint64_t> known;
  for (const RuleCount& count : before) known.emplace(count.rule, count.matches);
  RuleCounts counts;
  for (std::size_t i = 0; i < policy.rules().size(); ++i) {
    const std::string_view name = policy.rule_name(static_cast<int>(i));
    const auto found = known.find(name);
    counts.push_back({std::string(name), found == known.end() ? 0 : found->second});
    if (found != known.end()) known.erase(found);
  }
  return counts;
}

Outcome outcome_of(acl::Action action, int rule) {
  if (rule == acl::Verdict::default_rule) return Outcome::default_action;
  switch (action) {
    case acl::Action::drop:
      return Outcome::rule_drop;
    case acl::Action::reject:
      return Outcome::rule_reject;
    case acl::Action::ban:
      return Outcome::rule_ban;
    case acl::Action::allow:
      break;
  }
  return Outcome::forwarded;
}

}  // namespace

void Admission::apply(TimePoint now) {
  const LimitsOptions& limits = state_.options.limits;
  per_source_ = limit_of(limits.per_source, now);
  per_source_trusted_ = per_source_ ? std::optional(per_source_->times(trusted_allowance)) : std::nullopt;
  unknown_sources_ = limit_of(limits.unknown_sources, now);
  pbx_ = limit_of(limits.pbx, now);
  constexpr std::array<std::int64_t, 4> eighths_left{0, 2, 3, 4};
  for (std::size_t claim = 0; claim < pbx_for_.size(); ++claim)
    pbx_for_[claim] = pbx_ ? pbx_->leaving(eighths_left[claim]) : acl::RateLimit();
  jail_.apply(now);
  per_method_ = {};
  // Methods that we have no name for share the bucket of Method::other.
  for (const auto& [method, rate] : limits.per_source_methods)
    per_method_[static_cast<std::size_t>(sip::method_of(method))] = acl::RateLimit{rate}.since(now);
  state_.metrics.rules = counts_of(*state_.policy, state_.metrics.rules);
}

std::uint32_t Admission::devices_at(const acl::Address& address, TimePoint now) const {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(state_.registrations.devices_at(address, now), 1, most_devices));
}

RequestStanding Admission::check_connection(const Flow& flow, TimePoint now) {
  RequestStanding standing;
  const acl::Address& address = flow.peer.address;
  const bool trusted = state_.trusts(address);
  const acl::Ban* ban = trusted ? nullptr : state_.ban_of(address, now);
  if (ban != nullptr && ban->proof == acl::Proof::proven && !state_.strikes.accepts_some(address, now) &&
      !spares(Outcome::banned, {}, nullptr, flow, now)) {
    standing.outcome = Outcome::banned;
    return standing;
  }
  if (locked_out(flow, {.trusted = trusted}, now)) {
    standing.outcome = Outcome::lockdown;
    return standing;
  }
  // What it has to say may be an emergency call.
  if (trusted && !state_.policy->emergency().empty()) return standing;
  if (state_.may_have_pass(address, now)) return standing;
  const auto rule = state_.policy->refuses_connection(facts_of(flow, {}));
  if (!rule) return standing;
  ++state_.metrics.rules[static_cast<std::size_t>(*rule)].matches;
  const Outcome outcome = outcome_of(state_.policy->rules()[static_cast<std::size_t>(*rule)].action, *rule);
  const Why why{.rule = state_.policy->rule_name(*rule), .at = state_.policy->rule_place(*rule)};
  if (spares(outcome, why, nullptr, flow, now)) return standing;
  standing.rule = rule;
  standing.outcome = outcome;
  return standing;
}

// Each device that is registered from an address has its allowance, and only what proves itself spends it: what is forged in a phone's
// name never uses up what is the phone's.
void Admission::prove(SourceStanding& standing, const Flow& flow, TimePoint now) {
  standing.proven = true;
  give_own_allowance(standing, flow, now);
}

void Admission::give_own_allowance(SourceStanding& standing, const Flow& flow, TimePoint now) {
  if (standing.outcome == Outcome::banned) return;  // that its packets are its own is why
  const acl::Address& address = flow.peer.address;
  standing.own_allowance = true;
  acl::Source& source = state_.sources.touch(address, now);
  if (standing.proven) {
    if (!source.proved_itself(now)) state_.hear_out(address, now);
    source.prove(now);
  }
  if (standing.outcome == Outcome::forwarded) {
    if (standing.took_share) source.unproven.give_back(unproven_limit(standing.trusted, address, now));
    if (standing.took_strangers_share) state_.shared->unknown_sources.give_back(*unknown_sources_);
    standing.took_share = standing.took_strangers_share = false;
  }
  standing.outcome = Outcome::forwarded;
  if (!per_source_ || standing.trusted || source.proven.take(per_source_->times(devices_at(address, now)), now)) return;
  if (spares(Outcome::source_limit, {}, nullptr, flow, now)) return;
  standing.outcome = Outcome::source_limit;
}

/// Who it says it is, and whose credentials it bears: each needs a pass.
bool Admission::has_pass(const sip::RawMessage& request, const Flow& flow, TimePoint now) {
  if (!state_.may_have_pass(flow.peer.address, now)) return false;
  const acl::Country country = state_.countries.of(state_.policy->geo(), flow.peer.address);
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  if (!state_.passes->hold(sip::canonical_user(request.claimed_user(), buffer), country, now)) return false;
  for (const sip::HeaderLine& header : request.header_lines()) {
    if (header.name != sip::HeaderName::authorization && header.name != sip::HeaderName::proxy_authorization) continue;
    const auto digest = sip::DigestView::parse(request.text(header.value));
    if (!digest || !state_.passes->hold(digest->username, country, now)) return false;
  }
  return true;
}

RequestStanding Admission::check_rules(const sip::RawMessage& request, std::string_view request_user, const Flow& flow,
                                       const SourceStanding& source, TimePoint now) {
  acl::RequestFacts facts = facts_of(flow, source);
  facts.method = request.method_text;
  const bool folded = request.user_agent.find('\n') != std::string_view::npos;
  const std::string unfolded_agent = folded ? unfolded(request.user_agent) : std::string();
  facts.user_agent = folded ? unfolded_agent : request.user_agent;
  // The PBX decodes a user before it dials or looks it up: "%30%30" is "00".
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  std::array<char, 256> from_user, to_user, decoded_request_user;
  facts.from_user = sip::canonical_user(request.from_user, from_user);
  facts.to_user = sip::canonical_user(request.to_user, to_user);
  facts.request_user = sip::canonical_user(request_user, decoded_request_user);
  facts.has_pass = has_pass(request, flow, now);
  const acl::Verdict verdict = state_.policy->decide(facts, source.first_rule);

  for (std::size_t i = 0; i < verdict.shadow_count; ++i) {
    const int rule = verdict.shadows[i];
    ++state_.metrics.rules[static_cast<std::size_t>(rule)].matches;
    const Outcome would = outcome_of(state_.policy->rules()[static_cast<std::size_t>(rule)].action, rule);
    ++state_.metrics.would_refuse[static_cast<std::size_t>(would)];
    if (!state_.journal.admits(EventKind::would_refuse, would, now)) continue;
    write({.rule = state_.policy->rule_name(rule), .at = state_.policy->rule_place(rule)},
          event_of(EventKind::would_refuse, would, &request, flow));
  }
  RequestStanding standing;
  if (verdict.spared != acl::Verdict::default_rule) standing.spared = verdict.spared;
  if (verdict.rule != acl::Verdict::default_rule) ++state_.metrics.rules[static_cast<std::size_t>(verdict.rule)].matches;
  standing.rule = verdict.rule;
  if (verdict.action == acl::Action::allow) return standing;
  const Outcome outcome = outcome_of(verdict.action, verdict.rule);
  const Why why{.rule = state_.policy->rule_name(verdict.rule), .at = state_.policy->rule_place(verdict.rule)};
  if (spares(outcome, why, &request, flow, now)) {
    standing.rule.reset();  // it has decided nothing
    return standing;
  }
  standing.outcome = outcome;
  const bool own_rule = verdict.rule != acl::Verdict::default_rule;
  if (verdict.action == acl::Action::reject)
    standing.status = own_rule ? state_.policy->rules()[static_cast<std::size_t>(verdict.rule)].status : 403;
  if (verdict.action == acl::Action::ban && own_rule) {
    const acl::RuleOptions& rule = state_.policy->rules()[static_cast<std::size_t>(verdict.rule)];
    std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
    const Evidence evidence{.cause = Cause::rule_ban,
                            .flow = flow,
                            .proven = source.proven,
                            .account = Jail::account_of(request, buffer),
                            .message = &request,
                            .rule = rule.name,
                            .ban_time = rule.ban_time};
    standing.bans = jail_.judge(evidence, now) != Sentence::none;
  }
  return standing;
}

RequestStanding Admission::check_jail(const sip::RawMessage& request, std::string_view request_user, const Flow& flow,
                                      const SourceStanding& source, const CredentialsVerdict& credentials, TimePoint now) {
  if (jail_.is_trap(request, request_user)) return walk_into_trap(request, flow, source, now);
  RequestStanding standing;
  const Jail::Standing jailed = jail_.check(request, flow, source, credentials, now);
  standing.outcome = jailed.outcome;
  standing.status = jailed.status;
  return standing;
}

RequestStanding Admission::walk_into_trap(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now) {
  RequestStanding standing;
  standing.outcome = Outcome::trap;
  if (source.live || source.trusted) standing.status = 404;
  if (!source.live) trapped(&request, flow, source.proven, now);
  return standing;
}

void Admission::trapped(const sip::RawMessage* message, const Flow& flow, bool proven, TimePoint now) {
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const std::string_view account = message == nullptr ? std::string_view() : Jail::account_of(*message, buffer);
  jail_.judge({.cause = Cause::trap, .flow = flow, .proven = proven, .account = account, .message = message, .ban_time = {}}, now);
}

bool Admission::locked_out(const Flow& flow, const SourceStanding& source, TimePoint now) const {
  if (!state_.switches->lockdown(now) || source.live || source.trusted) return false;
  return state_.trunk_networks.empty() || !state_.trunk_networks.contains(flow.peer.address);
}

RequestStanding Admission::check_blocks(const sip::RawMessage& request, const Flow& flow, const CredentialsVerdict& credentials,
                                        TimePoint now) const {
  RequestStanding standing;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const std::string_view named = Jail::account_of(request, buffer);
  const bool transfers = request.method == sip::Method::refer;
  const bool begins = transfers || request.method == sip::Method::invite;
  for (const DeviceBlock& block : state_.switches->blocks()) {
    if (now >= block.until || (block.outgoing && !begins)) continue;
    // In a dialog the PBX asks for no password, and From is whatever its sender likes: whose flow it is counts.
    const bool is_its = block.device == named || block.device == credentials.username ||
                        (transfers && state_.registrations.registered_over(block.device, flow, now));
    if (!is_its) continue;
    standing.outcome = Outcome::device_blocked;
    standing.status = 403;
  }
  return standing;
}

RequestStanding Admission::check_registered(const sip::RawMessage& request, const SourceStanding& source) const {
  const std::vector<sip::Method>& methods = state_.options.registered_only;
  RequestStanding standing;
  if (source.live || source.trusted || std::ranges::find(methods, request.method) == methods.end()) return standing;
  standing.outcome = Outcome::registered_only;
  standing.status = 403;
  return standing;
}

RequestStanding Admission::check_method(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now) {
  RequestStanding standing;
  const auto& limit = per_method_[static_cast<std::size_t>(request.method)];
  if (!limit || source.trusted) return standing;
  const acl::Address& address = flow.peer.address;
  acl::TokenBucket& bucket = state_.method_buckets.touch(address, static_cast<std::uint8_t>(request.method), source.own_allowance, now);
  if (bucket.take(source.own_allowance ? limit->times(devices_at(address, now)) : unproven_share(*limit, address, now), now))
    return standing;
  standing.outcome = Outcome::method_limit;
  if (source.answerable()) standing.status = 503;
  return standing;
}

Admission::Claim Admission::claim_of(const SourceStanding& source, bool answers_challenge) {
  if (source.trusted || source.emergency) return Claim::first;
  if (!source.answerable()) return source.proven ? Claim::known : Claim::stranger;
  if (answers_challenge) return Claim::first;
  return source.live ? Claim::holds : Claim::known;
}

bool Admission::pbx_is_busy(Claim claim, TimePoint now) {
  return pbx_ && !state_.shared->pbx.take(pbx_for_[static_cast<std::size_t>(claim)], now);
}

std::optional<std::chrono::seconds> Admission::pbx_has_room_in(TimePoint now) {
  if (!pbx_) return std::nullopt;
  const auto wait = state_.shared->returns.next(2 * pbx_->interval(), now, soonest_return, latest_return);
  return wait ? std::optional(std::chrono::ceil<std::chrono::seconds>(*wait)) : std::nullopt;
}

void Admission::accept_source(const acl::Address& address, TimePoint until, TimePoint now) {
  acl::Source& source = state_.sources.touch(address, now);
  state_.hear_out(address, now);
  source.prolong_known(until);
  callers_.accepted(address, now);
}

void Admission::hold_back(Outbox& out, std::size_t first, TimePoint now) {
  out.remove_if(first, [&](const Outgoing& item) {
    if (item.flow.side != Side::access) return false;
    if (!is_datagram(item.flow.transport)) return !state_.connections.reach(item.flow);
    if (!item.to_unproven && !repeats_to_unproven(item, now)) return false;
    const bool held = !state_.sources.touch(item.flow.peer.address, now).answers.spend(item.bytes.size(), now);
    if (held) ++state_.metrics.held_back.count;
    return held;
  });
}

bool Admission::repeats_to_unproven(const Outgoing& item, TimePoint now) {
  return item.repeats && state_.registrations.unproven(item.flow, now) &&
         !state_.sources.touch(item.flow.peer.address, now).proved_itself(now);
}

}  // namespace postern::sbc
