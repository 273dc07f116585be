// What the log is told of who was let in, and who was not.
#include "sbc/admission.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t ban_places_a_turn = 32'768;  // of the table's million, so that none is counted for long after its end

}  // namespace

EventKind Admission::kind_of_refusal(sip::Method method) {
  const bool calls = method == sip::Method::invite || method == sip::Method::refer;
  return method == sip::Method::register_ || calls ? EventKind::refused : EventKind::refused_other;
}

Event Admission::event_of(EventKind kind, Outcome reason, const sip::RawMessage* request, const Flow& flow) {
  Event event;
  event.kind = kind;
  event.reason = reason;
  event.source = flow.peer;
  country_ = state_.country_of(flow.peer.address);
  event.country = country_;
  if (request == nullptr) return event;
  event.user_agent = request->user_agent;
  event.method = request->method_text;
  event.device = request->claimed_user();
  event.call_id = request->call_id;
  return event;
}

void Admission::write(const Why& why, Event event) {
  event.rule = why.rule;
  event.at = why.at;
  event.detail = why.detail;
  event.number = why.number;
  event.number_class = why.number_class;
  event.proven = why.proven;
  event.packet = state_.packet;
  state_.journal.write(event);
}

bool Admission::spares(Outcome outcome, const Why& why, const sip::RawMessage* request, const Flow& flow, TimePoint now) {
  if (!only_counts(state_.enforcement(now), outcome)) return false;
  ++state_.metrics.would_refuse[static_cast<std::size_t>(outcome)];
  if (state_.journal.admits(EventKind::would_refuse, outcome, now)) write(why, event_of(EventKind::would_refuse, outcome, request, flow));
  return true;
}

void Admission::log_connection_refused(std::string_view why, std::string_view meaning, const Flow& flow, TimePoint now) {
  if (!state_.journal.admits(EventKind::connection_refused, Outcome::forwarded, now)) return;
  Event event = event_of(EventKind::connection_refused, Outcome::forwarded, nullptr, flow);
  event.listener = state_.options.listeners[flow.listener].name;
  event.detail = why;
  event.message = meaning;
  state_.journal.write(event);
}

void Admission::expire_bans(TimePoint now) {
  state_.fellow_bans.expire(now, ban_places_a_turn, [](const acl::Address&, const acl::Ban&) {});  // who imposed it tells of it
  state_.bans.expire(now, ban_places_a_turn, [&](const acl::Address& network, const acl::Ban& ban) {
    const bool proven = ban.proof == acl::Proof::proven;
    if (!state_.journal.admits(EventKind::unban, proven ? Outcome::banned : Outcome::silenced, now)) return;
    Event event;
    event.kind = EventKind::unban;
    event.cause = static_cast<Cause>(ban.cause);
    event.source.address = network;
    state_.journal.write(event);
  });
  jail_.expire(now);
}

}  // namespace postern::sbc
