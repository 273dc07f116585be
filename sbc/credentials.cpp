#include "sbc/credentials.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "sbc/base64url.hpp"
#include "sbc/bytes.hpp"
#include "sip/digest.hpp"

namespace postern::sbc {
namespace {

// Our opaque: base64url of 4 bytes of time and 8 of MAC, then "o" and the PBX's own opaque, or "n" if it gave none.
constexpr std::size_t sealed_bytes = 12;
constexpr std::size_t sealed_letters = 16;
constexpr std::size_t longest_response = 128;  // SHA-512 in hexadecimal
constexpr std::uint32_t stale_challenges = 2;
constexpr std::size_t places_a_turn = 8192;

bool is_over(std::uint32_t since_s, TimePoint now) { return acl::seconds_of(now) - since_s > Credentials::life.count(); }

template <class Bytes>
std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(std::data(bytes)), std::size(bytes)};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

struct Edit {
  std::size_t begin = 0, end = 0;
  std::string text;
};

// In the place of a parameter, or, where it is absent, behind what stands last.
Edit instead_of(std::string_view value, std::string_view param, std::string_view last, std::string text) {
  if (param.empty()) {
    const auto at = static_cast<std::size_t>(last.data() - value.data()) + last.size();
    return {at, at, "," + text};
  }
  const auto begin = static_cast<std::size_t>(param.data() - value.data());
  return {begin, begin + param.size(), std::move(text)};
}

}  // namespace

CredentialsVerdict::Fate CredentialsVerdict::fate_of(const sip::HeaderLine& header) const {
  for (std::size_t i = 0; i < count; ++i) {
    if (entries[i].header == &header) return entries[i].fate;
  }
  return Fate::remove;
}

Credentials::Credentials(Mac& mac, std::uint64_t seed, DigestReplays& replays)
    : mac_(mac), replays_(replays), nonces_(remembered, seed), stale_(remembered, seed + 1) {}

namespace {

void remove_if_of_two(CredentialsVerdict& verdict) {
  using Entry = CredentialsVerdict::Entry;
  const Entry* first = nullptr;
  for (Entry& entry : std::span(verdict.entries).first(verdict.count)) {
    if (!entry.is_digest || entry.fate == CredentialsVerdict::Fate::remove) continue;
    if (first == nullptr) first = &entry;
    if (entry.response != 0) verdict.username = entry.username;
    if (entry.username == first->username) continue;
    for (Entry& each : verdict.entries) each.fate = CredentialsVerdict::Fate::remove;
    verdict.standing = CredentialsStanding::foreign;
    verdict.username = {};
    return;
  }
}

}  // namespace

CredentialsVerdict Credentials::judge(const sip::RawMessage& request, const acl::Address& source, TimePoint now) {
  CredentialsVerdict verdict;
  for (const sip::HeaderLine& header : request.header_lines()) {
    if (header.name != sip::HeaderName::authorization && header.name != sip::HeaderName::proxy_authorization) continue;
    if (verdict.count == CredentialsVerdict::most_headers) {
      verdict.standing = std::max(verdict.standing, CredentialsStanding::foreign);
      break;
    }
    CredentialsVerdict::Entry& entry = verdict.entries[verdict.count++];
    entry.header = &header;
    verdict.standing = std::max(verdict.standing, judge_one(request.text(header.value), source, now, entry));
  }
  remove_if_of_two(verdict);
  return verdict;
}

CredentialsStanding Credentials::judge_one(std::string_view value, const acl::Address& source, TimePoint now,
                                           CredentialsVerdict::Entry& entry) {
  using Fate = CredentialsVerdict::Fate;
  if (!started_s_) started_s_ = acl::seconds_of(now);
  entry.fate = Fate::keep;
  if (!sip::looks_like_digest(value)) return CredentialsStanding::plain;
  entry.fate = Fate::remove;
  const auto digest = sip::DigestView::parse(value);
  if (!digest || digest->response.size() > longest_response || !is_hex(digest->response)) return CredentialsStanding::foreign;
  if (digest->opaque) {
    const auto made_s = opened(*digest->opaque, digest->nonce, source);
    if (!made_s || *made_s < *started_s_ || is_over(*made_s, now)) return CredentialsStanding::foreign;
  } else if (!digest->response.empty()) {  // a first request of some devices has empty ones: nobody's secret
    const Keep* given = nonces_.find(seal_of(digest->nonce, source, 0, {}));
    if (given == nullptr || is_over(given->since_s, now)) return CredentialsStanding::foreign;
  }
  if (!digest->response.empty()) {
    const std::uint64_t response = response_key(digest->response);
    if (is_replay(response, source, now)) return CredentialsStanding::replayed;
    entry.response = response;
  }
  entry.is_digest = true;
  entry.username = digest->username;
  entry.fate = digest->opaque ? Fate::restore : Fate::keep;
  return digest->opaque ? CredentialsStanding::proven : CredentialsStanding::plain;
}

std::uint64_t Credentials::response_key(std::string_view response) {
  std::array<char, longest_response> lower;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  std::ranges::transform(response, lower.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const std::array<std::string_view, 2> parts{"digest-response", std::string_view{lower.data(), response.size()}};
  return mac_.of(parts).low;
}

std::uint32_t Credentials::source_hash(const acl::Address& source) {
  const std::array<std::string_view, 2> parts{"digest-source", text_of(source.bytes())};
  return static_cast<std::uint32_t>(mac_.of(parts).low);
}

bool Credentials::is_replay(std::uint64_t response, const acl::Address& source, TimePoint now) {
  const auto passed_from = replays_.passed_from(response, now);
  return passed_from && *passed_from != source_hash(source);
}

void Credentials::pass(CredentialsVerdict& verdict, const acl::Address& source, TimePoint now) {
  for (std::size_t i = 0; i < verdict.count; ++i) {
    CredentialsVerdict::Entry& entry = verdict.entries[i];
    if (entry.response == 0 || replays_.pass(entry.response, source_hash(source), now)) continue;
    entry.fate = CredentialsVerdict::Fate::remove;
    verdict.standing = CredentialsStanding::replayed;
  }
}

std::uint64_t Credentials::seal_of(std::string_view nonce, const acl::Address& source, std::uint32_t time_s, std::string_view own) {
  std::string time;
  put_number(time, time_s);
  const std::array<std::string_view, 5> parts{"opaque", nonce, text_of(source.bytes()), time, own};
  return mac_.of(parts).low;
}

std::optional<std::uint32_t> Credentials::opened(std::string_view opaque, std::string_view nonce, const acl::Address& source) {
  std::array<std::uint8_t, sealed_bytes> bytes{};
  if (opaque.size() <= sealed_letters || decode_base64url(opaque.substr(0, sealed_letters), bytes) != sealed_bytes) return std::nullopt;
  ByteReader sealed(text_of(bytes));
  const auto time_s = sealed.number<std::uint32_t>();
  if (sealed.number<std::uint64_t>() != seal_of(nonce, source, time_s, opaque.substr(sealed_letters))) return std::nullopt;
  return time_s;
}

void Credentials::append_challenge(std::string& out, std::string_view challenge, const acl::Address& source, bool stale, TimePoint now) {
  const auto digest = sip::DigestView::parse(challenge);
  if (!digest) {
    out.append(challenge);
    return;
  }
  const std::uint32_t now_s = acl::seconds_of(now);
  if (!started_s_) started_s_ = now_s;
  const std::uint64_t given = seal_of(digest->nonce, source, 0, {});
  if (Keep* again = nonces_.touch(given, now)) {
    again->since_s = now_s;
  } else {
    nonces_.add(given, {now_s, 0}, now, acl::Worth::most());
  }
  std::string own(1, digest->opaque ? 'o' : 'n');
  own.append(digest->opaque.value_or(std::string_view{}));
  std::string sealed;
  put_number(sealed, now_s);
  put_number(sealed, seal_of(digest->nonce, source, now_s, own));
  std::string opaque = "opaque=\"";
  append_base64url(opaque, {reinterpret_cast<const std::uint8_t*>(sealed.data()), sealed.size()});
  opaque.append(own).append("\"");

  Edit with_opaque = instead_of(challenge, digest->opaque_param, digest->last_param, std::move(opaque));
  if (!stale) {
    out.append(challenge.substr(0, with_opaque.begin)).append(with_opaque.text).append(challenge.substr(with_opaque.end));
    return;
  }
  Edit with_stale = instead_of(challenge, digest->stale_param, digest->last_param, "stale=true");
  if (with_stale.begin < with_opaque.begin) std::swap(with_stale, with_opaque);
  out.append(challenge.substr(0, with_opaque.begin)).append(with_opaque.text);
  out.append(challenge.substr(with_opaque.end, with_stale.begin - with_opaque.end)).append(with_stale.text);
  out.append(challenge.substr(with_stale.end));
}

void Credentials::append_restored(std::string& out, std::string_view credentials) {
  const auto digest = sip::DigestView::parse(credentials);
  if (!digest || digest->opaque_param.empty()) {
    out.append(credentials);
    return;
  }
  const auto begin = static_cast<std::size_t>(digest->opaque_param.data() - credentials.data());
  const std::size_t end = begin + digest->opaque_param.size();
  const std::string_view own = digest->opaque->substr(sealed_letters);
  if (own.front() == 'o') {
    out.append(credentials.substr(0, begin)).append("opaque=\"").append(own.substr(1)).append("\"").append(credentials.substr(end));
    return;
  }
  // It goes with the comma before it, or, if it stands first, with the one behind.
  std::string_view before = credentials.substr(0, begin);
  std::string_view behind = credentials.substr(end);
  const std::size_t comma = before.find_last_not_of(" \t\r\n");
  if (comma != std::string_view::npos && before[comma] == ',') {
    before = before.substr(0, comma);
  } else if (const std::size_t next = behind.find(','); next != std::string_view::npos) {
    behind.remove_prefix(next + 1);
  }
  out.append(before).append(behind);
}

bool Credentials::may_say_stale(const acl::Address& source, std::string_view call_id, std::string_view user, TimePoint now) {
  const std::array<std::string_view, 4> parts{"stale", text_of(source.bytes()), call_id, user};
  const std::uint64_t key = mac_.of(parts).low;
  Keep* said = stale_.touch(key, now);
  if (said == nullptr) said = stale_.add(key, {acl::seconds_of(now), 0}, now, acl::Worth::most());
  if (is_over(said->since_s, now)) *said = {acl::seconds_of(now), 0};
  if (said->count == stale_challenges) return false;
  ++said->count;
  return true;
}

void Credentials::expire(TimePoint now) {
  const auto is_gone = [now](std::uint64_t /*key*/, const Keep& keep) { return is_over(keep.since_s, now); };
  nonces_.sweep(places_a_turn, is_gone);
  stale_.sweep(places_a_turn, is_gone);
  replays_.expire(now, places_a_turn);
}

std::uint64_t Credentials::evictions() const { return nonces_.evictions() + stale_.evictions(); }

bool says_expired(const sip::RawMessage& response) {
  return std::ranges::any_of(response.header_lines(), [&](const sip::HeaderLine& header) {
    if (header.name != sip::HeaderName::www_authenticate && header.name != sip::HeaderName::proxy_authenticate) return false;
    const auto digest = sip::DigestView::parse(response.text(header.value));
    return digest && sip::iequals(digest->stale, "true");
  });
}

}  // namespace postern::sbc
