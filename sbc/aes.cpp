#include "sbc/aes.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <stdexcept>

namespace postern::sbc {

namespace {

struct EvpFree {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

}  // namespace

struct Aes::Impl {
  std::unique_ptr<EVP_CIPHER_CTX, EvpFree> context;
};

Aes::Aes(std::span<const std::uint8_t, 16> key) : impl_(std::make_unique<Impl>()) {
  const std::unique_ptr<EVP_CIPHER, EvpFree> cipher(EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr));
  impl_->context.reset(EVP_CIPHER_CTX_new());
  if (!cipher || !impl_->context || EVP_EncryptInit_ex2(impl_->context.get(), cipher.get(), key.data(), nullptr, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(impl_->context.get(), 0) != 1) {
    throw std::runtime_error("the cryptographic library offers no AES-128-ECB");
  }
}

Aes::~Aes() = default;
Aes::Aes(Aes&&) noexcept = default;
Aes& Aes::operator=(Aes&&) noexcept = default;

void Aes::encrypt(std::span<Block> blocks) {
  const int size = static_cast<int>(blocks.size_bytes());
  int written = 0;
  unsigned char* const bytes = blocks.front().data();
  if (EVP_EncryptUpdate(impl_->context.get(), bytes, &written, bytes, size) != 1 || written != size) std::abort();
}

}  // namespace postern::sbc
