#include "sbc/seal.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <stdexcept>

#include "sbc/evp.hpp"

namespace postern::sbc {
namespace {

using Context = Evp<EVP_CIPHER_CTX>;

const unsigned char* as_bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

bool in_range(std::size_t size) { return size > 0 && size <= INT_MAX; }

// An empty string of associated data would be the same as none at all: callers have a label in it.
bool associate(EVP_CIPHER_CTX* context, std::string_view associated) {
  int written = 0;
  return in_range(associated.size()) &&
         EVP_CipherUpdate(context, nullptr, &written, as_bytes(associated), static_cast<int>(associated.size())) == 1;
}

// SIV takes the whole text in one update.
bool run(EVP_CIPHER_CTX* context, std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  if (!in_range(in.size()) || in.size() != out.size()) return false;
  const int size = static_cast<int>(in.size());
  int written = 0;
  if (EVP_CipherUpdate(context, out.data(), &written, in.data(), size) != 1 || written != size) return false;
  return EVP_CipherFinal_ex(context, out.data() + written, &written) == 1 && written == 0;
}

}  // namespace

/// A context is never used twice: initialised again without the key it would return the tag of the message before. Copying a keyed
/// one costs a third of keying.
struct Seal::Impl {
  Context seal_template, open_template, work;
};

Seal::Seal(std::span<const std::uint8_t, 32> key) : impl_(std::make_unique<Impl>()) {
  const Evp<EVP_CIPHER> cipher(EVP_CIPHER_fetch(nullptr, "AES-128-SIV", nullptr));
  impl_->seal_template.reset(EVP_CIPHER_CTX_new());
  impl_->open_template.reset(EVP_CIPHER_CTX_new());
  impl_->work.reset(EVP_CIPHER_CTX_new());
  if (!cipher || !impl_->seal_template || !impl_->open_template || !impl_->work ||
      EVP_CIPHER_get_key_length(cipher.get()) != static_cast<int>(key.size()) ||
      EVP_EncryptInit_ex2(impl_->seal_template.get(), cipher.get(), key.data(), nullptr, nullptr) != 1 ||
      EVP_DecryptInit_ex2(impl_->open_template.get(), cipher.get(), key.data(), nullptr, nullptr) != 1) {
    throw std::runtime_error("the cryptographic library offers no AES-128-SIV");
  }
}

Seal::~Seal() = default;
Seal::Seal(Seal&&) noexcept = default;
Seal& Seal::operator=(Seal&&) noexcept = default;

bool Seal::seal(std::string_view associated, std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed) {
  EVP_CIPHER_CTX* const work = impl_->work.get();
  if (sealed.size() == plain.size() + tag_size && EVP_CIPHER_CTX_copy(work, impl_->seal_template.get()) == 1 &&
      associate(work, associated) && run(work, plain, sealed.subspan(tag_size)) &&
      EVP_CIPHER_CTX_ctrl(work, EVP_CTRL_AEAD_GET_TAG, tag_size, sealed.data()) == 1) {
    return true;
  }
  std::fill(sealed.begin(), sealed.end(), std::uint8_t{0});
  return false;
}

bool Seal::open(std::string_view associated, std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain) {
  EVP_CIPHER_CTX* const work = impl_->work.get();
  if (sealed.size() == plain.size() + tag_size && EVP_CIPHER_CTX_copy(work, impl_->open_template.get()) == 1) {
    std::array<std::uint8_t, tag_size> tag{};  // the library takes no const one
    std::copy_n(sealed.begin(), tag_size, tag.begin());
    if (EVP_CIPHER_CTX_ctrl(work, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1 && associate(work, associated) &&
        run(work, sealed.subspan(tag_size), plain)) {
      return true;
    }
  }
  std::fill(plain.begin(), plain.end(), std::uint8_t{0});
  return false;
}

}  // namespace postern::sbc
