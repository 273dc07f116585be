#include "sbc/concealment.hpp"

#include <algorithm>
#include <array>

#include "sip/digest.hpp"

namespace postern::sbc {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view hex = "0123456789abcdef";
constexpr std::string_view upper_hex = "0123456789ABCDEF";
constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool has(std::string_view letters, char letter) { return letters.find(letter) != std::string_view::npos; }

bool all_of(std::string_view letters, std::string_view text) {
  return std::ranges::all_of(text, [&](char c) { return has(letters, c) || !(has(digits, c) || has(lower, c) || has(upper, c)); });
}

// What could stand in the place of this letter.
std::string_view kind_of(char letter, std::string_view text) {
  for (const std::string_view kind : {digits, hex, upper_hex}) {
    if (has(kind, letter) && all_of(kind, text)) return kind;
  }
  for (const std::string_view kind : {digits, lower, upper}) {
    if (has(kind, letter)) return kind;
  }
  return {};
}

std::chrono::seconds second_of(acl::TimePoint now) { return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()); }

void remember(std::string& last, std::string& before, std::string_view now) {
  if (last == now) return;
  before = last;
  last = now;
}

}  // namespace

bool Concealment::learn(const sip::RawMessage& challenge, acl::TimePoint now) {
  const sip::HeaderLine* header = challenge.find(sip::HeaderName::www_authenticate);
  if (header == nullptr || challenge.body_begin > longest_challenge || !challenge.body().empty()) return false;
  const auto digest = sip::DigestView::parse(challenge.text(header->value));
  if (!digest || digest->nonce.empty() || sip::iequals(digest->stale, "true")) return false;
  const bool first = learned_.empty() || second_of(now) != learned_at_;
  learned_at_ = second_of(now);
  learned_ = challenge.bytes.substr(0, challenge.body_begin);
  remember(nonce_, nonce_before_, digest->nonce);
  remember(tag_, tag_before_, challenge.to_tag);
  return first;
}

bool Concealment::tells(int status_code) {
  constexpr std::array told{403, 404, 410, 484, 485, 604};
  return std::ranges::find(told, status_code) != told.end();
}

std::string Concealment::like(std::string_view text, std::string_view before, std::string_view salt) {
  const auto kept = static_cast<std::size_t>(std::ranges::mismatch(text, before).in1 - text.begin());
  std::string out(text.substr(0, kept));
  for (std::size_t i = kept; i < text.size(); ++i) {
    const std::string_view kind = kind_of(text[i], text.substr(kept));
    const std::string place = std::to_string(i);
    const std::array<std::string_view, 3> parts{"alike", salt, place};
    out += kind.empty() ? text[i] : kind[mac_.of(parts).low % kind.size()];
  }
  return out;
}

// One for each algorithm that the PBX offers, with the same nonce.
void Concealment::replace_nonces(std::string_view other) {
  for (const sip::HeaderLine& header : message_.header_lines()) {
    if (header.name != sip::HeaderName::www_authenticate) continue;
    const auto digest = sip::DigestView::parse(message_.text(header.value));
    if (digest && digest->nonce == nonce_) editor_.replace(digest->nonce, other);
  }
}

const sip::RawMessage* Concealment::challenge(std::string_view call_id, std::string_view branch, acl::TimePoint now) {
  if (learned_.empty()) return nullptr;
  const std::string salt = std::string(call_id).append("\n").append(branch);
  sip::prescreen(learned_, message_);
  editor_.reset(message_);
  if (!message_.to_tag.empty()) editor_.replace(message_.to_tag, like(tag_, tag_before_, salt));
  if (second_of(now) != learned_at_) replace_nonces(like(nonce_, nonce_before_, salt));
  if (!editor_.serialise(made_)) return nullptr;
  return sip::prescreen(made_, message_).result == sip::PrescreenResult::message ? &message_ : nullptr;
}

}  // namespace postern::sbc
