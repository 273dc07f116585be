#include "sbc/mac.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "sbc/evp.hpp"

namespace postern::sbc {
namespace {

std::uint64_t big_endian(std::span<const std::uint8_t, 8> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = (value << 8) | byte;
  return value;
}

[[noreturn]] void library_failed() { std::abort(); }

/// Gathers small pieces, because a call of the library costs more than hashing some bytes.
class Gather {
 public:
  explicit Gather(EVP_MAC_CTX* context) : context_(context) {}

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      if (used_ == buffer_.size()) flush();
      const std::size_t count = std::min(bytes.size(), buffer_.size() - used_);
      std::copy_n(bytes.begin(), count, buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
      used_ += count;
      bytes.remove_prefix(count);
    }
  }

  void add_length(std::size_t length) {
    for (; length >= 0x80; length >>= 7) add_byte(static_cast<std::uint8_t>(length | 0x80));
    add_byte(static_cast<std::uint8_t>(length));
  }

  void flush() {
    if (EVP_MAC_update(context_, buffer_.data(), used_) != 1) library_failed();
    used_ = 0;
  }

 private:
  void add_byte(std::uint8_t byte) {
    if (used_ == buffer_.size()) flush();
    buffer_[used_++] = byte;
  }

  EVP_MAC_CTX* context_;
  std::array<std::uint8_t, 128> buffer_{};
  std::size_t used_ = 0;
};

}  // namespace

struct Mac::Impl {
  std::array<std::uint8_t, 16> key{};
  Evp<EVP_MAC_CTX> context;
};

Mac::Mac(std::span<const std::uint8_t, 16> key) : impl_(std::make_unique<Impl>()) {
  std::copy(key.begin(), key.end(), impl_->key.begin());
  const Evp<EVP_MAC> mac(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr));
  if (mac) impl_->context.reset(EVP_MAC_CTX_new(mac.get()));
  std::size_t size = sizeof(Mac128);
  const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  if (!impl_->context || EVP_MAC_init(impl_->context.get(), key.data(), key.size(), parameters.data()) != 1) {
    throw std::runtime_error("the cryptographic library offers no SipHash");
  }
}

Mac::~Mac() = default;
Mac::Mac(Mac&&) noexcept = default;
Mac& Mac::operator=(Mac&&) noexcept = default;

Mac128 Mac::of(std::span<const std::string_view> parts) {
  EVP_MAC_CTX* const context = impl_->context.get();
  // Always with the key: OpenSSL 3.0 does not promise that an init without one starts anew.
  if (EVP_MAC_init(context, impl_->key.data(), impl_->key.size(), nullptr) != 1) library_failed();
  Gather gather(context);
  for (const std::string_view part : parts) {
    gather.add_length(part.size());
    gather.add(part);
  }
  gather.flush();
  std::array<std::uint8_t, sizeof(Mac128)> result{};
  std::size_t size = 0;
  if (EVP_MAC_final(context, result.data(), &size, result.size()) != 1 || size != result.size()) library_failed();
  const std::span<const std::uint8_t, sizeof(Mac128)> bytes(result);
  return {big_endian(bytes.first<8>()), big_endian(bytes.last<8>())};
}

}  // namespace postern::sbc
