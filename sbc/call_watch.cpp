#include "sbc/call_watch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "sbc/called_countries.hpp"

namespace postern::sbc {

using sip::Method;

namespace {

constexpr std::chrono::seconds longest_session{86'400};

Side other(Side side) { return side == Side::access ? Side::core : Side::access; }

/// RFC 4028 §4.
std::optional<std::chrono::seconds> session_expires(const sip::RawMessage& response) {
  const sip::HeaderLine* header = response.find(sip::HeaderName::session_expires);
  if (header == nullptr) return std::nullopt;
  const std::string_view text = response.text(header->value);
  std::uint32_t seconds = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc{}) return std::nullopt;
  return std::min(std::chrono::seconds{seconds}, longest_session);
}

/// The users of From and To as they are compared. Not to be copied: the views may lead into it.
struct Users {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before they are read
  explicit Users(const sip::RawMessage& message)
      : from(sip::canonical_user(message.from_user, from_text)), to(sip::canonical_user(message.to_user, to_text)) {}
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;
  ~Users() = default;

  std::array<char, 256> from_text, to_text;
  std::string_view from, to;
};

}  // namespace

// Call-ID and tag name a dialog for each side alike, but for the names that are hidden in them.
CallKeys CallWatch::keys_of(const sip::RawMessage& message, Side asker, bool core_wrote) {
  const auto as_access_knows = [&](std::string& out, std::string_view text) {
    out.clear();
    if (!core_wrote || !state_.names.append_marked(out, text)) out = text;
  };
  as_access_knows(call_id_, message.call_id);
  const std::uint64_t of_call_id = state_.call_hash(call_id_);
  // A PBX that is a proxy keeps Call-ID and tags from one device to the other: the side that began tells the two calls apart.
  const auto key_of = [&](std::string_view tag, Side began) {
    as_access_knows(tag_, tag);
    return state_.call_hash(tag_, of_call_id + static_cast<std::uint64_t>(began));
  };
  return {key_of(message.from_tag, asker), key_of(message.to_tag, other(asker))};
}

void CallWatch::from_access(const sip::RawMessage& request, const Flow& access, bool in_dialog_of_ours, bool enters, TimePoint now) {
  if (in_dialog_of_ours) return in_dialog(request, Side::access, now);
  if (request.method != Method::invite || !request.to_tag.empty() || !enters) return;
  const CallKeys keys = keys_of(request, Side::access, false);
  const Users users(request);
  state_.calls.calling(keys, {call_id_, users.from, users.from, users.to, access}, now);
}

void CallWatch::from_core(const sip::RawMessage& request, const Flow& access, std::string_view contact_user, TimePoint now) {
  if (!request.to_tag.empty()) return in_dialog(request, Side::core, now);
  if (request.method != Method::invite) return;
  const CallKeys keys = keys_of(request, Side::core, true);
  const Users users(request);
  const Binding* binding = state_.registrations.by_core_contact(request.request_uri);
  const std::string_view device = binding == nullptr ? contact_user : std::string_view(binding->aor_user);
  // Asterisk writes the Contact that it calls into To.
  const std::string_view called = split_token(request.to_user) ? device : users.to;
  state_.calls.calling(keys, {call_id_, device, users.from, called, access}, now);
}

void CallWatch::in_dialog(const sip::RawMessage& request, Side asker, TimePoint now) {
  const CallKeys keys = keys_of(request, asker, asker == Side::core);
  if (request.method == Method::bye)
    state_.calls.ending(keys, now);
  else
    state_.calls.heard(keys, now);
}

void CallWatch::answered(const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  const bool counts = response.method == Method::invite || response.method == Method::bye || response.method == Method::update;
  // What was answered before may have ended meanwhile: a late repetition does not begin it anew.
  const bool first = transaction.state == TransactionState::calling || transaction.state == TransactionState::proceeding;
  if (first) note_called_country(state_, response, transaction);
  if (!counts || !first) return;
  const Side asker = transaction.from.side;
  const Flow& access = asker == Side::access ? transaction.from : transaction.to;
  const CallKeys keys = keys_of(response, asker, asker == Side::access);
  const Users users(response);
  const CallSketch call{call_id_, asker == Side::access ? users.from : users.to, users.from, users.to, access, transaction.claim.device};
  const int status = response.status_code;
  const bool accepted = status >= 200 && status < 300;
  // Whoever was asked knows no such dialog (RFC 3261 §12.2.1.2), or it is over.
  if (status == 481 || (accepted && response.method == Method::bye)) return state_.calls.ended(keys);
  if (response.method == Method::bye) {
    if (status == 401 || status == 407) state_.calls.goes_on(keys, now);
  } else if (response.method == Method::update) {
    if (accepted) state_.calls.refreshed(keys, call, session_expires(response), now);
  } else if (accepted) {
    state_.calls.established(keys, call, session_expires(response), now);
  } else if (status < 200) {
    state_.calls.ringing(keys, call, now);
  } else {
    state_.calls.refused(keys);
  }
}

}  // namespace postern::sbc
