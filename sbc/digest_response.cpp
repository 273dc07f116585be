#include "sbc/digest_response.hpp"

#include <openssl/evp.h>

#include <array>
#include <initializer_list>
#include <utility>

#include "sip/uri.hpp"

namespace postern::sbc {

class DigestResponse::Hash {
 public:
  explicit Hash(const EVP_MD* algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {}
  ~Hash() { EVP_MD_CTX_free(context_); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  /// H(a ":" b ":" ...) in hexadecimal; empty: the library does not do it (MD5 under FIPS).
  [[nodiscard]] std::string of(std::initializer_list<std::string_view> parts) {
    if (context_ == nullptr || EVP_DigestInit_ex2(context_, algorithm_, nullptr) != 1) return {};
    bool first = true;
    for (const std::string_view part : parts) {
      if (!std::exchange(first, false)) EVP_DigestUpdate(context_, ":", 1);
      EVP_DigestUpdate(context_, part.data(), part.size());
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_, bytes.data(), &size) != 1) return {};
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += digits[bytes.at(i) >> 4U];
      text += digits[bytes.at(i) & 0xfU];
    }
    return text;
  }

 private:
  const EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

void DigestResponse::DeleteHash::operator()(Hash* hash) const { delete hash; }

DigestResponse::DigestResponse(const DigestInput& input, std::string_view response, std::unique_ptr<Hash, DeleteHash> hash)
    : input_(input), response_(response), hash_(std::move(hash)), ha2_(hash_->of({input.method, input.uri})) {}

std::optional<DigestResponse> DigestResponse::of(const DigestInput& input, std::string_view response) {
  const bool md5 = input.algorithm.empty() || sip::iequals(input.algorithm, "MD5");
  if (!md5 && !sip::iequals(input.algorithm, "SHA-256")) return std::nullopt;
  if (!input.qop.empty() && !sip::iequals(input.qop, "auth")) return std::nullopt;
  const EVP_MD* algorithm = md5 ? EVP_md5() : EVP_sha256();
  if (response.size() != static_cast<std::size_t>(EVP_MD_get_size(algorithm)) * 2) return std::nullopt;
  DigestResponse made(input, response, std::unique_ptr<Hash, DeleteHash>(new Hash(algorithm)));
  return made.ha2_.empty() ? std::nullopt : std::optional(std::move(made));
}

std::string DigestResponse::with(std::string_view password) {
  const std::string ha1 = hash_->of({input_.username, input_.realm, password});
  return input_.qop.empty() ? hash_->of({ha1, input_.nonce, ha2_})
                            : hash_->of({ha1, input_.nonce, input_.nc, input_.cnonce, input_.qop, ha2_});
}

bool DigestResponse::is_of(std::string_view password) { return sip::iequals(with(password), response_); }

}  // namespace postern::sbc
