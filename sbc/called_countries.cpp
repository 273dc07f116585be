#include "sbc/called_countries.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "acl/dial_pattern.hpp"
#include "sbc/registrar.hpp"
#include "sbc/state.hpp"
#include "sbc/transactions.hpp"
#include "sip/dialled.hpp"

namespace postern::sbc {

std::vector<std::string_view> CalledCountries::words() const {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < called_.size(); ++i) {
    if (called_.at(i)) words.push_back(acl::CallingPlace::at(i).word());
  }
  return words;
}

void note_called_country(State& state, const sip::RawMessage& response, const Transaction& transaction) {
  const bool rings = response.method == sip::Method::invite && response.status_code > 100 && response.status_code < 300;
  if (!rings || transaction.from.side != Side::access) return;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  std::array<char, 256> dialled, from;
  const acl::DialledNumber number(sip::number_dialled_by(transaction.original, dialled));
  const auto place = acl::CallingPlace::of(number.text);
  if (!place || !state.shared->called_countries.first(*place)) return;
  const std::string message = fmt::format(
      "the first call to {} that Postern has seen. If nobody there meant to make it, look at the device's calls, change its password, and "
      "see "
      "that calls.allow gives it no more classes than it needs",
      place->word());
  const std::string country = state.country_of(transaction.from.peer.address);
  Event event;
  event.kind = EventKind::new_country;
  event.source = transaction.from.peer;
  event.country = country;
  event.method = response.method_text;
  event.device = Registrar::login_in(transaction.memo).value_or(sip::canonical_user(response.from_user, from));
  event.number = number.text;
  event.call_id = response.call_id;
  event.detail = place->word();
  event.message = message;
  state.journal.write(event);
}

}  // namespace postern::sbc
