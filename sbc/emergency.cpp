#include "sbc/emergency.hpp"

#include <algorithm>

#include "sip/dialled.hpp"

namespace postern::sbc {
namespace {

const acl::RateLimit& per_source() {
  static const acl::RateLimit limit{acl::Rate{.per_second = 0.3, .burst = 3}};
  return limit;
}
const acl::RateLimit& in_all() {
  static const acl::RateLimit limit{acl::Rate{.per_second = 10, .burst = 10}};
  return limit;
}

}  // namespace

bool Emergency::is_emergency_number(const sip::RawMessage& request) const {
  const acl::EmergencyNumbers& numbers = state_.policy->emergency();
  if (numbers.empty()) return false;
  if (sip::is_sos_urn(request.request_uri)) return true;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before it is read
  std::array<char, 256> buffer;
  return numbers.contains(sip::dialled_number(request.request_uri, buffer));
}

bool Emergency::admit(const sip::RawMessage& request, const Flow& flow, SourceStanding& source, TimePoint now) {
  if (request.method != sip::Method::invite || !request.to_tag.empty() || !(source.live || source.trusted)) return false;
  if (!is_emergency_number(request)) return false;
  const bool proven = source.proven || !is_datagram(flow.transport);
  const std::uint64_t key = acl::SourceKey(flow.peer.address).value();
  Caller* caller = callers_.touch(key, now);
  if (caller == nullptr) caller = callers_.add(key, {}, now, acl::Worth::most());
  const std::uint64_t id = state_.call_hash(request.call_id);
  const auto known = std::ranges::find_if(
      caller->calls, [&](const Caller::Call& call) { return call.messages != 0 && call.id == id && now < call.since + call_time; });
  if (known != caller->calls.end()) {
    if (known->messages >= messages_a_call) return false;
    ++known->messages;
    if (proven && !known->proven) tell(request, flow, proven);
    known->proven = known->proven || proven;
  } else {
    if (!take(*caller, source.proven, now)) return false;
    *std::ranges::min_element(caller->calls, {}, &Caller::Call::since) = {id, now, 1, 0, proven};
    ++state_.metrics.emergency_calls.count;
    tell(request, flow, proven);
  }
  source.emergency = true;
  source.outcome = Outcome::forwarded;
  return true;
}

void Emergency::carry_on(const sip::RawMessage& message, const Flow& flow, SourceStanding& source) {
  if (source.outcome == Outcome::forwarded || !(source.live || source.trusted)) return;
  Caller* caller = callers_.find(acl::SourceKey(flow.peer.address).value());
  if (caller == nullptr) return;
  const std::uint64_t id = state_.call_hash(message.call_id);
  const auto call = std::ranges::find_if(caller->calls, [&](const Caller::Call& each) { return each.messages != 0 && each.id == id; });
  if (call == caller->calls.end() || call->beyond_limits >= messages_beyond_limits) return;
  ++call->beyond_limits;
  source.outcome = Outcome::forwarded;
}

bool Emergency::take(Caller& caller, bool proven, TimePoint now) {
  acl::TokenBucket& own = caller.buckets[proven ? 1 : 0];
  if (!own.take(per_source(), now)) return false;
  if (state_.shared->emergency[proven ? 1 : 0].take(in_all(), now)) return true;
  own.give_back(per_source());
  return false;
}

// Each one is told: the buckets keep them from being many. A phone's first INVITE on UDP proves nothing: what does, as its answer to the
// PBX's challenge, is told too, so that no forged calls before it keep it from being heard.
void Emergency::tell(const sip::RawMessage& request, const Flow& flow, bool proven) {
  Event event = admission_.event_of(EventKind::emergency_call, Outcome::forwarded, &request, flow);
  event.rule = state_.policy->emergency().gate().name;
  event.detail = request.request_uri;
  event.proven = proven;
  event.message = "somebody calls an emergency number: the call passes every rule, device, class, ban and limit; see that help comes";
  state_.journal.write(event);
}

}  // namespace postern::sbc
