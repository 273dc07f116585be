#include "sbc/password_watch.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "sbc/request_head.hpp"
#include "sip/digest.hpp"

namespace postern::sbc {
namespace {

using Mode = EngineOptions::WeakPasswords;

bool fits(const sip::DigestView& digest) {
  const std::array texts{digest.username, digest.realm,  digest.nonce,     digest.uri,     digest.qop,
                         digest.nc,       digest.cnonce, digest.algorithm, digest.response};
  return !digest.username.empty() &&
         std::ranges::all_of(texts, [](std::string_view text) { return text.size() <= WatchedDigest::longest_text; });
}

WatchedDigest watched(const sip::DigestView& digest, std::string_view method, std::string_view device, const State& state) {
  const EngineOptions& options = state.options;
  WatchedDigest out;
  out.username = digest.username;
  out.device = device;
  out.extension = state.policy->devices().extension_of(device);
  out.realm = digest.realm;
  out.nonce = digest.nonce;
  out.method = method;
  out.uri = digest.uri;
  out.qop = digest.qop;
  out.nc = digest.nc;
  out.cnonce = digest.cnonce;
  out.algorithm = digest.algorithm;
  out.response = digest.response;
  for (const auto& domain : {options.pbx.domain, options.pbx.public_domain, std::optional(out.realm)}) {
    if (domain) out.domains.push_back(*domain);
  }
  return out;
}

/// The one that it bears: of two it is not said which was accepted.
std::optional<sip::DigestView> only_digest(std::string_view head) {
  RequestHead request;
  request.read(head, FirstLetters("a"));
  std::optional<sip::DigestView> found;
  for (const RequestHead::Field& field : request.fields()) {
    if (field.name != sip::HeaderName::authorization) continue;
    if (found) return std::nullopt;
    found = sip::DigestView::parse(field.value);
    if (!found) return std::nullopt;
  }
  return found;
}

}  // namespace

void PasswordWatch::accepted(const Transaction& asked, std::string_view aor_user, TimePoint now) const {
  if (state_.options.weak_passwords == Mode::off || !asked.with_credentials) return;
  const auto digest = only_digest(asked.original);
  WeakPasswords& accounts = state_.shared->weak_passwords;
  if (!digest || !fits(*digest) || !accounts.wants(digest->username, now)) return;
  WatchedDigest handed = watched(*digest, "REGISTER", aor_user, state_);
  if (can_be_tried(handed)) accounts.hand_in(std::move(handed), now);
}

bool PasswordWatch::refuses(const sip::RawMessage& request, const CredentialsVerdict& credentials) const {
  if (state_.options.weak_passwords != Mode::refuse) return false;
  const WeakPasswords& accounts = state_.shared->weak_passwords;
  const std::string_view device = request.claimed_user();
  return std::any_of(credentials.entries.begin(), credentials.entries.begin() + credentials.count, [&](const auto& entry) {
    if (entry.fate == CredentialsVerdict::Fate::remove) return false;
    const auto digest = sip::DigestView::parse(request.text(entry.header->value));
    if (!digest || !fits(*digest)) return false;
    const auto kind = accounts.verdict_on(digest->username);
    return kind && is_of_kind(watched(*digest, request.method_text, device, state_), *kind);
  });
}

}  // namespace postern::sbc
