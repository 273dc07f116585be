#include "sbc/refused_destinations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "acl/dial_pattern.hpp"
#include "sbc/registrar.hpp"
#include "sip/dialled.hpp"

namespace postern::sbc {
namespace {

void tell_walk(State& state, const sip::RawMessage& message, const RefusedDestination& refused, TimePoint now) {
  ++state.metrics.call_prefixes.count;
  if (!state.journal.admits(EventKind::call_prefixes, Outcome::forwarded, now)) return;
  const std::string text = fmt::format(
      "the device has dialled one number under {} prefixes within {} minutes and reached it by none: a person seldom does, who has stolen "
      "its password does; look at its calls, change its password, and see that calls.allow gives it no more classes than it needs",
      PrefixWalks::most_prefixes, PrefixWalks::window.count());
  Event event;
  event.kind = EventKind::call_prefixes;
  event.source = refused.flow.peer;
  event.method = message.method_text;
  event.device = refused.device;
  event.user_agent = refused.user_agent;
  event.call_id = message.call_id;
  event.number = refused.number;
  event.detail = refused.proven ? "proven" : "unproven";
  event.message = text;
  state.journal.write(event);
}

}  // namespace

void note_refused_destination(State& state, Jail& jail, const sip::RawMessage& message, const RefusedDestination& refused, TimePoint now) {
  const std::uint64_t source = acl::SourceKey(refused.flow.peer.address).value();
  const bool walks = state.prefix_walks.refused(refused.device, source, refused.number, refused.proven, now);
  if (walks) tell_walk(state, message, refused, now);
  // What a registered phone may not call is told, and that is all: it may be a typing error.
  if ((walks || refused.denied) && !state.registrations.live(refused.flow, now)) jail.refused_destination(message, refused, walks, now);
}

void note_refused_destination(State& state, Jail& jail, const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  constexpr std::array<int, 4> no_refusals{408, 486, 487, 600};
  if (std::ranges::find(no_refusals, response.status_code) != no_refusals.end()) return;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  std::array<char, 256> dialled, from;
  const acl::DialledNumber number(sip::number_dialled_by(transaction.original, dialled));
  const std::string user_agent = Jail::user_agent_of(transaction);
  note_refused_destination(state, jail, response,
                           {.flow = transaction.from,
                            .device = Registrar::login_in(transaction.memo).value_or(sip::canonical_user(response.from_user, from)),
                            .number = number.text,
                            .user_agent = user_agent,
                            .proven = transaction.proven},
                           now);
}

}  // namespace postern::sbc
