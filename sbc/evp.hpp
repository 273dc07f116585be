#pragma once
// Only for .cpp files of this folder: it shows OpenSSL.
#include <openssl/evp.h>

#include <memory>

namespace postern::sbc {

/// Gives OpenSSL's objects back.
struct EvpFree {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
template <typename T>
using Evp = std::unique_ptr<T, EvpFree>;

}  // namespace postern::sbc
