#include "sbc/refused_destinations.hpp"

#include <fmt/format.h>

#include <array>

#include "acl/dial_pattern.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {

bool note_refused_destination(State& state, const RefusedDestination& refused, TimePoint now) {
  const std::uint64_t source = acl::SourceKey(refused.flow.peer.address).value();
  if (!state.prefix_walks.refused(refused.device, source, refused.number, refused.proven, now)) return false;
  ++state.metrics.call_prefixes.count;
  if (!state.journal.admits(EventKind::call_prefixes, Outcome::forwarded, now)) return true;
  const std::string message = fmt::format(
      "the device has dialled one number under {} prefixes within {} minutes and reached it by none: a person seldom does, who has stolen "
      "its password does; look at its calls, change its password, and see that calls.allow gives it no more classes than it needs",
      PrefixWalks::most_prefixes, PrefixWalks::window.count());
  Event event;
  event.kind = EventKind::call_prefixes;
  event.source = refused.flow.peer;
  event.method = "INVITE";
  event.device = refused.device;
  event.user_agent = refused.user_agent;
  event.call_id = refused.call_id;
  event.number = refused.number;
  event.detail = refused.proven ? "proven" : "unproven";
  event.message = message;
  state.journal.write(event);
  return true;
}

void note_refused_destination(State& state, const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  constexpr std::array<int, 4> no_refusals{408, 486, 487, 600};
  if (std::ranges::find(no_refusals, response.status_code) != no_refusals.end()) return;
  std::string_view line = transaction.original;
  line = line.substr(0, line.find("\r\n"));
  line.remove_prefix(std::min(line.find(' '), line.size()));
  if (!line.empty()) line.remove_prefix(1);
  const auto uri = sip::UriView::parse(line.substr(0, line.find(' ')));
  if (!uri) return;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  std::array<char, 256> user, device;
  const acl::DialledNumber number(sip::canonical_user(uri->user, user));
  note_refused_destination(
      state, {transaction.from, sip::canonical_user(response.from_user, device), number.text, response.call_id, {}, transaction.proven},
      now);
}

}  // namespace postern::sbc
