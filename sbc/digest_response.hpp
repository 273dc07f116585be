// The response of digest authentication, computed as a device does (RFC 7616 §3.4.1; RFC 2617 §3.2.2.1, without qop RFC 2069's).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::sbc {

/// What goes into a response beside the password; values without their quotes.
struct DigestInput {
  std::string_view algorithm;  ///< "MD5" (also where it is absent) or "SHA-256"; -sess and others are not computed
  std::string_view username, realm, nonce, method, uri;
  std::string_view qop;  ///< empty: none; else "auth" (auth-int is not computed: it covers the body)
  std::string_view nc, cnonce;
};

/// Tells which password a response was made with. The texts that it was made from must outlive it.
class DigestResponse {
 public:
  /// nullopt: not one that can be computed.
  static std::optional<DigestResponse> of(const DigestInput& input, std::string_view response);

  /// Was it made with this password? Two hashes.
  [[nodiscard]] bool is_of(std::string_view password);
  /// The response in lower-case hexadecimal.
  [[nodiscard]] std::string with(std::string_view password);

 private:
  class Hash;
  struct DeleteHash {
    void operator()(Hash* hash) const;
  };
  DigestResponse(const DigestInput& input, std::string_view response, std::unique_ptr<Hash, DeleteHash> hash);

  DigestInput input_;
  std::string_view response_;
  std::unique_ptr<Hash, DeleteHash> hash_;
  std::string ha2_;
};

}  // namespace postern::sbc
