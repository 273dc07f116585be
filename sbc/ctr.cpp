#include "sbc/ctr.hpp"

#include <array>
#include <climits>
#include <cstdlib>
#include <stdexcept>

#include "sbc/evp.hpp"

namespace postern::sbc {

struct Ctr::Impl {
  Evp<EVP_CIPHER_CTX> context;
};

Ctr::Ctr(std::span<const std::uint8_t, 16> key) : impl_(std::make_unique<Impl>()) {
  const Evp<EVP_CIPHER> cipher(EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr));
  impl_->context.reset(EVP_CIPHER_CTX_new());
  if (!cipher || !impl_->context || EVP_EncryptInit_ex2(impl_->context.get(), cipher.get(), key.data(), nullptr, nullptr) != 1) {
    throw std::runtime_error("the cryptographic library offers no AES-128-CTR");
  }
}

Ctr::~Ctr() = default;
Ctr::Ctr(Ctr&&) noexcept = default;
Ctr& Ctr::operator=(Ctr&&) noexcept = default;

void Ctr::apply(const Mac128& vector, std::span<std::uint8_t> bytes) {
  std::array<unsigned char, sizeof(Mac128)> iv{};
  for (std::size_t i = 0; i < 8; ++i) {
    iv.at(i) = static_cast<unsigned char>(vector.high >> (56 - 8 * i));
    iv.at(8 + i) = static_cast<unsigned char>(vector.low >> (56 - 8 * i));
  }
  EVP_CIPHER_CTX* const context = impl_->context.get();
  int written = 0;
  // A new vector under the key that is there starts the mode anew.
  if (bytes.size() > INT_MAX || EVP_EncryptInit_ex2(context, nullptr, nullptr, iv.data(), nullptr) != 1 ||
      EVP_EncryptUpdate(context, bytes.data(), &written, bytes.data(), static_cast<int>(bytes.size())) != 1 ||
      written != static_cast<int>(bytes.size())) {
    std::abort();
  }
}

}  // namespace postern::sbc
