#include "sbc/called_countries.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "acl/dial_pattern.hpp"
#include "sbc/registrar.hpp"
#include "sbc/state.hpp"
#include "sbc/transactions.hpp"
#include "sip/dialled.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {

std::vector<std::string_view> CalledCountries::words() const {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < called_.size(); ++i) {
    if (called_.at(i)) words.push_back(acl::CallingPlace::at(i).word());
  }
  return words;
}

namespace {

/// Does the PBX put it through? Of a call it is enough that it rings; a transfer it accepts, and dials itself.
bool goes_through(const sip::RawMessage& response) {
  const int status = response.status_code;
  return (response.method == sip::Method::invite && status > 100 && status < 300) ||
         (response.method == sip::Method::refer && status >= 200 && status < 300);
}

/// As sip::number_dialled_by(). `request`: the header section of a REFER; of several the first Refer-To counts.
std::string_view number_referred_to_by(std::string_view request, std::span<char> buffer) {
  sip::RawMessage refer;
  sip::prescreen(request, refer);
  const sip::HeaderLine* to = refer.find(sip::HeaderName::refer_to);
  const auto target = to == nullptr ? std::nullopt : sip::NameAddrView::parse(refer.text(to->value));
  return target ? sip::dialled_number(target->uri, buffer) : std::string_view();
}

}  // namespace

void note_called_country(State& state, const sip::RawMessage& response, const Transaction& transaction) {
  if (!goes_through(response) || transaction.from.side != Side::access) return;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  std::array<char, 256> dialled, from;
  const std::string_view written = response.method == sip::Method::refer ? number_referred_to_by(transaction.original, dialled)
                                                                         : sip::number_dialled_by(transaction.original, dialled);
  const acl::DialledNumber number(written);
  const auto place = state.policy->calling_places().of(number.text);
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
