// One Digest challenge, or Digest credentials, as views into a header's value (RFC 3261 §25.1, RFC 7616 §3).
#pragma once

#include <optional>
#include <string_view>

namespace postern::sip {

/// Values stand without their quotes, nothing is unescaped. Strict, because the PBX reads the same bytes: what two readers could
/// understand differently is no view at all.
struct DigestView {
  std::string_view username, realm, nonce, response, stale;  ///< empty: absent
  std::string_view algorithm, uri, qop, nc, cnonce;          ///< the same; of one that stands twice, the first
  std::optional<std::string_view> opaque;
  std::string_view opaque_param;  ///< `opaque="..."`, whole; empty: absent
  std::string_view stale_param;
  std::string_view last_param;  ///< whatever stands last, whole

  /// nullopt: not of the Digest scheme, not a list of name=value, one of the names above twice, or anything escaped.
  static std::optional<DigestView> parse(std::string_view value);
};

/// May a reader take this for the Digest scheme? True for more than parse() takes.
bool looks_like_digest(std::string_view value);

}  // namespace postern::sip
