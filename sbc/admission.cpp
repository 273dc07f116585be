#include "sbc/admission.hpp"

#include <algorithm>

namespace postern::sbc {
namespace {

constexpr std::uint32_t trusted_allowance = 10;  // an unproven packet of a trusted source: ten times per_source
constexpr std::uint32_t most_devices = 10'000;   // of one address; keeps the arithmetic of the allowance small

std::optional<acl::RateLimit> limit_of(const std::optional<acl::Rate>& rate) {
  if (!rate) return std::nullopt;
  return acl::RateLimit{*rate};
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

Admission::Admission(State& state)
    : state_(state),
      trusted_(state.options.trusted),
      per_source_(limit_of(state.options.limits.per_source)),
      unknown_sources_(limit_of(state.options.limits.unknown_sources)),
      pbx_(limit_of(state.options.limits.pbx)) {
  if (per_source_) per_source_trusted_ = per_source_->times(trusted_allowance);
  // Methods that we have no name for share the bucket of Method::other.
  for (const auto& [method, rate] : state.options.limits.per_source_methods)
    per_method_[static_cast<std::size_t>(sip::method_of(method))] = acl::RateLimit{rate};
}

Event Admission::event_of(EventKind kind, Outcome reason, const sip::RawMessage& request, const Flow& flow) {
  Event event;
  event.kind = kind;
  event.reason = reason;
  event.source = flow.peer;
  event.user_agent = request.user_agent;
  event.method = request.method_text;
  event.device = request.method == sip::Method::register_ ? request.to_user : request.from_user;
  event.call_id = request.call_id;
  country_.clear();
  if (const acl::Geo& geo = state_.policy->geo(); geo.countries) country_ = geo.country(flow.peer.address).to_string();
  event.country = country_;
  return event;
}

bool Admission::exempt(const acl::Address& address) const {
  const auto& options = state_.options;
  return std::ranges::any_of(options.pbx.addresses, [&](const Endpoint& pbx) { return pbx.address == address; }) ||
         std::ranges::find(options.never_banned, address) != options.never_banned.end();
}

std::uint32_t Admission::devices_at(const acl::Address& address, TimePoint now) const {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(state_.registrations.devices_at(address, now), 1, most_devices));
}

SourceStanding Admission::check_source(const Flow& flow, TimePoint now) {
  SourceStanding standing;
  standing.trusted = !trusted_.empty() && trusted_.contains(flow.peer.address);
  standing.live = state_.registrations.live(flow, now);
  if (!standing.trusted && !standing.live) {
    if (const acl::Ban* ban = state_.bans.check(flow.peer.address, now)) {
      standing.outcome = ban->proof == acl::Proof::proven ? Outcome::banned : Outcome::silenced;
      return standing;
    }
  }
  acl::Source& source = state_.sources.touch(flow.peer.address, now);
  standing.known = source.known(now);
  // The allowance is for each device that is registered from there; a stranger behind the same address has the plain one.
  if (per_source_) {
    const bool within = standing.live ? source.proven.take(per_source_->times(devices_at(flow.peer.address, now)), now)
                                      : source.unproven.take(standing.trusted ? *per_source_trusted_ : *per_source_, now);
    if (!within) {
      standing.outcome = Outcome::source_limit;
      return standing;
    }
  }
  if (unknown_sources_ && !standing.answerable() && !unknown_bucket_.take(*unknown_sources_, now))
    standing.outcome = Outcome::unknown_sources_limit;
  return standing;
}

RequestStanding Admission::check_request(const sip::RawMessage& request, std::string_view request_user, const Flow& flow,
                                         const SourceStanding& source, TimePoint now) {
  const RequestStanding standing = check_rules(request, request_user, flow, source, now);
  if (standing.outcome != Outcome::forwarded || request.method == sip::Method::ack) return standing;
  return check_limits(request, flow, source, now);
}

RequestStanding Admission::check_rules(const sip::RawMessage& request, std::string_view request_user, const Flow& flow,
                                       const SourceStanding& source, TimePoint now) {
  acl::RequestFacts facts;
  facts.source = flow.peer.address;
  facts.method = request.method_text;
  facts.user_agent = request.user_agent;
  // The PBX decodes a user before it dials or looks it up: "%30%30" is "00".
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  std::array<char, 256> from_user, to_user, decoded_request_user;
  facts.from_user = sip::decoded_user(request.from_user, from_user);
  facts.to_user = sip::decoded_user(request.to_user, to_user);
  facts.request_user = sip::decoded_user(request_user, decoded_request_user);
  facts.listener = state_.options.listeners[flow.listener].name;
  facts.transport = to_string(flow.transport);
  facts.registered = source.live;
  const acl::Verdict verdict = state_.policy->decide(facts);

  for (std::size_t i = 0; i < verdict.shadow_count; ++i) {
    const int rule = verdict.shadows[i];
    const Outcome would = outcome_of(state_.policy->rules()[static_cast<std::size_t>(rule)].action, rule);
    if (!state_.journal.admits(EventKind::would_refuse, would, now)) continue;
    Event event = event_of(EventKind::would_refuse, would, request, flow);
    event.rule = state_.policy->rule_name(rule);
    state_.journal.write(event);
  }
  RequestStanding standing;
  standing.rule = verdict.rule;
  if (verdict.action == acl::Action::allow) return standing;
  standing.outcome = outcome_of(verdict.action, verdict.rule);
  const bool own_rule = verdict.rule != acl::Verdict::default_rule;
  if (verdict.action == acl::Action::reject)
    standing.status = own_rule ? state_.policy->rules()[static_cast<std::size_t>(verdict.rule)].status : 403;
  if (verdict.action == acl::Action::ban && own_rule)
    ban(request, flow, source, state_.policy->rules()[static_cast<std::size_t>(verdict.rule)], now);

  const bool matters = request.method == sip::Method::register_ || request.method == sip::Method::invite;
  if (matters && state_.journal.admits(EventKind::refused, standing.outcome, now)) {
    Event event = event_of(EventKind::refused, standing.outcome, request, flow);
    event.rule = state_.policy->rule_name(verdict.rule);
    state_.journal.write(event);
  }
  return standing;
}

void Admission::ban(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, const acl::RuleOptions& rule,
                    TimePoint now) {
  // For a trusted source a ban is a drop; so it is for ourselves and the PBX.
  if (source.trusted || exempt(flow.peer.address)) return;
  // A datagram outside a dialog proves nothing of its source: it silences what comes from there, and no longer than a minute.
  const auto duration = std::min<std::chrono::seconds>(rule.ban_time, acl::BanTable::unproven_limit);
  if (!state_.bans.add(flow.peer.address, acl::Proof::unproven, duration, static_cast<std::uint32_t>(Outcome::rule_ban), now)) return;
  ++state_.metrics.bans[static_cast<std::size_t>(Outcome::rule_ban)];
  if (!state_.journal.admits(EventKind::ban, Outcome::rule_ban, now)) return;
  Event event = event_of(EventKind::ban, Outcome::rule_ban, request, flow);
  event.rule = rule.name;
  event.duration = duration;
  event.detail = "unproven";
  state_.journal.write(event);
}

RequestStanding Admission::check_limits(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now) {
  RequestStanding standing;
  const auto& limit = per_method_[static_cast<std::size_t>(request.method)];
  if (limit && !source.trusted) {
    acl::TokenBucket& bucket = state_.method_buckets.touch(flow.peer.address, static_cast<std::uint8_t>(request.method), now);
    if (!bucket.take(source.live ? limit->times(devices_at(flow.peer.address, now)) : *limit, now))
      standing.outcome = Outcome::method_limit;
  }
  if (standing.outcome == Outcome::forwarded && pbx_ && !pbx_bucket_.take(*pbx_, now)) standing.outcome = Outcome::pbx_limit;
  if (standing.outcome == Outcome::forwarded) return standing;
  if (source.answerable() || standing.outcome == Outcome::pbx_limit) standing.status = 503;
  const bool matters = request.method == sip::Method::register_ || request.method == sip::Method::invite;
  if (matters && state_.journal.admits(EventKind::refused, standing.outcome, now))
    state_.journal.write(event_of(EventKind::refused, standing.outcome, request, flow));
  return standing;
}

void Admission::accept_source(const acl::Address& address, TimePoint until, TimePoint now) {
  state_.sources.touch(address, now).set_known_until(until);
}

}  // namespace postern::sbc
