#include "sbc/registrar.hpp"

#include <algorithm>
#include <charconv>

#include "sbc/contact.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

// A memo is a list of lines "Xtext": a the user name of its credentials, u the AOR's user, c the Call-ID, i the instance, - a binding to be
// taken off, + "core URI TAB device URI", * all bindings.
constexpr std::chrono::seconds default_expires{3600};   // RFC 3261 §10.2.1.1: what a registrar without a word means
constexpr std::chrono::seconds longest_expires{86400};  // an answer is not trusted to hold a table entry for ever
constexpr std::chrono::seconds silent_after{50};        // twice the keep-alive: the old flow of an instance is given up

std::string_view take_line(std::string_view& memo) {
  const std::size_t end = memo.find('\n');
  const std::string_view line = memo.substr(0, end);
  memo.remove_prefix(end == std::string_view::npos ? memo.size() : end + 1);
  return line;
}

/// Whose REGISTER it is of.
struct Memo {
  std::string_view aor_user, call_id, instance, login;
};

/// In one pass.
Memo read_memo(std::string_view memo) {
  Memo read;
  while (!memo.empty()) {
    const std::string_view line = take_line(memo);
    if (line.empty()) continue;
    const std::string_view text = line.substr(1);
    if (line[0] == 'u') read.aor_user = text;
    if (line[0] == 'c') read.call_id = text;
    if (line[0] == 'i') read.instance = text;
    if (line[0] == 'a') read.login = text;
  }
  return read;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::min(std::chrono::seconds{value}, longest_expires);
}

std::optional<std::chrono::seconds> expires_header(const sip::RawMessage& message) {
  const sip::HeaderLine* header = message.find(sip::HeaderName::expires);
  return header == nullptr ? std::nullopt : seconds_of(message.text(header->value));
}

// Calls visit(NameAddrView) for each Contact element; "*" and what cannot be read are passed over.
template <class F>
void each_contact(const sip::RawMessage& message, F&& visit) {
  for (const sip::HeaderLine& header : message.header_lines()) {
    if (header.name != sip::HeaderName::contact) continue;
    sip::ElementReader reader(message.text(header.value));
    while (const auto element = reader.next()) {
      if (const auto contact = sip::NameAddrView::parse(*element)) visit(*contact);
    }
  }
}

struct Pair {
  std::string_view core_uri, device_uri;
};

// The "+" line of a core URI that says what `is` wants.
template <class Predicate>
std::optional<Pair> find_pair(std::string_view memo, Predicate is) {
  while (!memo.empty()) {
    const std::string_view line = take_line(memo);
    if (line.empty() || line[0] != '+') continue;
    const std::size_t tab = line.find('\t');
    if (const std::string_view core_uri = line.substr(1, tab - 1); is(core_uri)) return Pair{core_uri, line.substr(tab + 1)};
  }
  return std::nullopt;
}

// The PBX may add URI parameters to what it lists: the user part alone (it holds the token) tells which Contact it is.
std::optional<Pair> pair_for(std::string_view memo, std::string_view listed_uri) {
  if (const auto same = find_pair(memo, [&](std::string_view core_uri) { return core_uri == listed_uri; })) return same;
  const auto listed = sip::UriView::parse(listed_uri);
  if (!listed) return std::nullopt;
  return find_pair(memo, [&](std::string_view core_uri) {
    const auto given = sip::UriView::parse(core_uri);
    return given && given->user == listed->user;
  });
}

void add_line(std::string& memo, char tag, std::string_view text) {
  memo += tag;
  append_unfolded(memo, text);
  memo += '\n';
}

/// The memory of `text` is used again, unless it is of one that was much longer than texts are.
void reuse(std::string& text, std::string_view value) {
  constexpr std::size_t usual = 256;
  if (text.capacity() > usual) std::string().swap(text);
  text = value;
}

}  // namespace

bool Registrar::refreshes(const sip::RawMessage& request, const Flow& flow, TimePoint now) const {
  if (request.method != sip::Method::register_) return false;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  return state_.registrations.refreshed_by(sip::canonical_user(request.to_user, buffer), request.call_id, flow, now);
}

RegisterPlan Registrar::plan(const sip::RawMessage& request, const Flow& flow, bool credentials, TimePoint now) const {
  RegisterPlan plan;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const std::string_view aor_user = sip::canonical_user(request.to_user, buffer);
  constexpr std::size_t usual_memo = 256;
  plan.memo.reserve(usual_memo);
  plan.aor_user = aor_user;
  plan.now = now;
  add_line(plan.memo, 'u', aor_user);
  add_line(plan.memo, 'c', request.call_id);
  std::string_view instance;
  const auto for_all = expires_header(request);
  bool stays = false;  // it wants at least one binding
  each_contact(request, [&](const sip::NameAddrView& contact) {
    if (const auto value = contact.param("+sip.instance")) instance = *value;
    const auto own = contact.param("expires");
    stays = stays || (own ? seconds_of(*own) : for_all) != std::chrono::seconds{0};
  });
  add_line(plan.memo, 'i', instance);
  if (!stays || !credentials) return plan;
  if (const std::string* old = replaced_by(aor_user, request.call_id, instance, flow, now)) {
    plan.replaced_contact = *old;
    add_line(plan.memo, '-', *old);
  }
  return plan;
}

const std::string* Registrar::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance, const Flow& flow,
                                          TimePoint now) const {
  if (const Binding* own = state_.registrations.replaced_by(aor_user, call_id, instance, flow, now, silent_after))
    return &own->core_contact;
  const FellowBinding* other = state_.fellow_bindings.replaced_by(aor_user, call_id, instance, now, silent_after);
  return other != nullptr ? &other->core_contact : nullptr;
}

void Registrar::add_contact(RegisterPlan& plan, std::string_view core_uri, std::string_view device_uri) {
  plan.memo += '+';
  plan.memo.append(core_uri).append("\t");
  append_unfolded(plan.memo, device_uri);
  plan.memo += '\n';
}

void Registrar::add_all(RegisterPlan& plan) { plan.memo += "*\n"; }

void Registrar::add_login(std::string& memo, std::string_view username) { add_line(memo, 'a', username); }

std::optional<std::string_view> Registrar::login_in(std::string_view memo) {
  const std::string_view username = read_memo(memo).login;
  return username.empty() ? std::nullopt : std::optional(username);
}

std::optional<std::string> Registrar::restore(std::string_view memo, std::string_view listed_uri, const Flow& flow) const {
  if (const auto pair = pair_for(memo, listed_uri)) return std::string(pair->device_uri);
  const auto uri = sip::UriView::parse(listed_uri);
  if (!uri) return std::nullopt;
  const auto opened = open_device(state_.tokens, state_.registrations, *uri);
  if (!opened || opened->token.flow != flow) return std::nullopt;
  std::string restored;
  append_restored(restored, opened->token.scheme, opened->token.has_user, opened->user, opened->token.rest);
  return restored;
}

std::optional<std::chrono::seconds> Registrar::shortened(std::string_view expires) const {
  const auto seconds = seconds_of(expires);
  return seconds && *seconds > longest() ? std::optional(longest()) : std::nullopt;
}

std::chrono::seconds Registrar::longest() const {
  return is_datagram(state_.options.pbx.transport) ? longest_expires : PbxOptions::longest_expires_over_streams;
}

void Registrar::expect(const Transaction& asked) {
  for (std::string_view memo = asked.memo; !memo.empty();) {
    const std::string_view line = take_line(memo);
    if (line.starts_with('u')) return state_.registrations.expect_one_of(line.substr(1));
  }
}

std::optional<TimePoint> Registrar::accepted(const Transaction& asked, const sip::RawMessage& response, TimePoint now) {
  const std::string_view memo = asked.memo;
  const auto [aor_user, call_id, instance, login] = read_memo(memo);
  const auto all_expire = expires_header(response);

  std::optional<TimePoint> known_until;
  std::string_view accepted_uris[Registrations::bindings_an_aor];
  std::size_t accepted_count = 0;
  each_contact(response, [&](const sip::NameAddrView& contact) {
    const auto pair = pair_for(memo, contact.uri);
    if (!pair || accepted_count == std::size(accepted_uris)) return;
    const auto own = contact.param("expires");
    auto expires = (own ? seconds_of(*own) : all_expire).value_or(default_expires);
    if (expires.count() == 0) return;
    expires = std::min(expires, longest());
    accepted_uris[accepted_count++] = pair->core_uri;
    known_until = std::max(known_until.value_or(now), now + expires);
    Binding& binding = accepted_;
    reuse(binding.aor_user, aor_user);
    reuse(binding.call_id, call_id);
    reuse(binding.instance, instance);
    reuse(binding.contact_uri, pair->device_uri);
    reuse(binding.core_contact, pair->core_uri);
    binding.flow = asked.from;
    binding.expires = now + expires;
    binding.last_heard = binding.since = now;
    binding.proven = asked.proven;
    const auto [kept, is_new] = state_.registrations.accept(std::move(binding));
    if (is_new) tell(EventKind::registered, asked.from.peer, aor_user, call_id, now);
    state_.tell_registered(kept);
  });

  for (std::string_view lines = memo; !lines.empty();) {
    const std::string_view line = take_line(lines);
    if (line.empty()) continue;
    const bool removed = take_off(line, {accepted_uris, accepted_count}, aor_user);
    if (removed) tell(EventKind::unregistered, asked.from.peer, aor_user, call_id, now);
  }
  return known_until;
}

bool Registrar::take_off(std::string_view line, std::span<const std::string_view> accepted, std::string_view aor_user) {
  const std::string_view core_uri = line.substr(1, line.find('\t') - 1);
  switch (line[0]) {
    case '*':
      forget_elsewhere(aor_user, {});
      return !state_.registrations.remove_all(aor_user).empty();
    case '-':
      // Another of the same device has taken its place: that is no end to tell of.
      forget_elsewhere(aor_user, core_uri, true);
      state_.registrations.remove(aor_user, core_uri);
      return false;
    case '+':
      if (std::ranges::find(accepted, core_uri) != accepted.end()) return false;
      forget_elsewhere(aor_user, core_uri);
      return state_.registrations.remove(aor_user, core_uri).has_value();
    default:
      return false;
  }
}

void Registrar::forget_elsewhere(std::string_view aor_user, std::string_view core_contact, bool replaced) {
  if (state_.fellows == nullptr) return;
  state_.fellow_bindings.forget(aor_user, core_contact);
  state_.fellows->tell(UnregisteredNote{std::string(aor_user), std::string(core_contact), replaced});
}

void Registrar::ended(const Binding& binding, TimePoint now) {
  tell(EventKind::unregistered, binding.flow.peer, binding.aor_user, binding.call_id, now);
}

void Registrar::tell(EventKind kind, const Endpoint& source, std::string_view device, std::string_view call_id, TimePoint now) {
  if (!state_.journal.admits(kind, Outcome::forwarded, now)) return;
  Event event;
  event.kind = kind;
  event.source = source;
  event.device = device;
  event.call_id = call_id;
  event.method = "REGISTER";
  state_.journal.write(event);
}

}  // namespace postern::sbc
