#include "sbc/seal.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>

#include "sbc/aes.hpp"
#include "sbc/ctr.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t block_size = sizeof(Block);
using Bytes = std::span<const std::uint8_t>;

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

void mix(Block& into, const Block& other) {
  for (std::size_t i = 0; i < block_size; ++i) into[i] ^= other[i];
}

/// Multiplication by x in GF(2^128) (RFC 5297 §2.3). Without a branch: blocks come from keys.
Block doubled(const Block& block) {
  Block out{};
  const auto bits = [&block](std::size_t i) -> unsigned { return block[i]; };
  for (std::size_t i = 0; i + 1 < block_size; ++i) out[i] = static_cast<std::uint8_t>(bits(i) << 1U | bits(i + 1) >> 7U);
  out.back() = static_cast<std::uint8_t>(bits(block_size - 1) << 1U ^ (0x87U & (0U - (bits(0) >> 7U))));
  return out;
}

/// Fills a block up (RFC 4493 §2.4, RFC 5297 §2.1).
Block padded(Bytes rest) {
  Block block{};
  std::copy(rest.begin(), rest.end(), block.begin());
  block[rest.size()] = 0x80;
  return block;
}

/// AES-CMAC (RFC 4493).
class Cmac {
 public:
  explicit Cmac(std::span<const std::uint8_t, 16> key) : aes_(key) {
    Block first{};
    aes_.encrypt({&first, 1});
    whole_key_ = doubled(first);
    part_key_ = doubled(whole_key_);
  }

  Block of(Bytes text) { return ended({}, text); }

  /// Of `text`, of a block at least, with `mixed` in its last 16 bytes ("xorend", RFC 5297 §2.1).
  Block of(Bytes text, const Block& mixed) {
    const std::size_t from = text.size() - block_size;
    // Where the last 16 bytes begin within a block, so that they reach into two.
    std::array<std::uint8_t, 2 * block_size> tail{};
    const std::size_t whole = from / block_size * block_size;
    const auto rest = std::span(tail).first(text.size() - whole);
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(whole), text.end(), rest.begin());
    for (std::size_t i = 0; i < block_size; ++i) rest[from - whole + i] ^= mixed[i];
    return ended(chained({}, text.first(whole)), rest);
  }

 private:
  /// Over whole blocks.
  Block chained(Block chain, Bytes blocks) {
    for (; !blocks.empty(); blocks = blocks.subspan(block_size)) {
      for (std::size_t i = 0; i < block_size; ++i) chain[i] ^= blocks[i];
      aes_.encrypt({&chain, 1});
    }
    return chain;
  }

  Block ended(Block chain, Bytes text) {
    const std::size_t whole = text.empty() ? 0 : (text.size() - 1) / block_size * block_size;
    chain = chained(chain, text.first(whole));
    const Bytes last = text.subspan(whole);
    if (last.size() == block_size) {
      mix(chain, whole_key_);
      return chained(chain, last);
    }
    mix(chain, part_key_);
    return chained(chain, padded(last));
  }

  Aes aes_;
  Block whole_key_{}, part_key_{};
};

Mac128 as_vector(const Block& block) {
  Mac128 vector;
  for (std::size_t i = 0; i < 8; ++i) {
    vector.high = vector.high << 8U | block[i];
    vector.low = vector.low << 8U | block[8 + i];
  }
  constexpr std::uint64_t cleared = ~(std::uint64_t{1} << 63U | std::uint64_t{1} << 31U);  // RFC 5297 §2.5
  vector.low &= cleared;
  return vector;
}

}  // namespace

struct Seal::Impl {
  explicit Impl(std::span<const std::uint8_t, 32> key) : cmac(key.first<16>()), ctr(key.last<16>()), start(cmac.of(Block{})) {}

  /// S2V (RFC 5297 §2.4) of the associated data and the text.
  Block tag_of(std::string_view associated, Bytes plain) {
    Block sum = doubled(start);
    mix(sum, cmac.of(bytes_of(associated)));
    if (plain.size() >= block_size) return cmac.of(plain, sum);
    sum = doubled(sum);
    mix(sum, padded(plain));
    return cmac.of(sum);
  }

  Cmac cmac;
  Ctr ctr;
  Block start;
};

Seal::Seal(std::span<const std::uint8_t, 32> key) : impl_(std::make_unique<Impl>(key)) {}

Seal::~Seal() = default;
Seal::Seal(Seal&&) noexcept = default;
Seal& Seal::operator=(Seal&&) noexcept = default;

bool Seal::seal(std::string_view associated, std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed) {
  // Without associated data the tag would be that of another sequence of strings: callers have a label in it.
  if (associated.empty() || plain.empty() || sealed.size() != plain.size() + tag_size) {
    std::fill(sealed.begin(), sealed.end(), std::uint8_t{0});
    return false;
  }
  const Block tag = impl_->tag_of(associated, plain);
  std::copy(tag.begin(), tag.end(), sealed.begin());
  std::copy(plain.begin(), plain.end(), sealed.begin() + tag_size);
  impl_->ctr.apply(as_vector(tag), sealed.subspan(tag_size));
  return true;
}

bool Seal::open(std::string_view associated, std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain) {
  if (!associated.empty() && !plain.empty() && sealed.size() == plain.size() + tag_size) {
    Block tag{};
    std::copy_n(sealed.begin(), tag_size, tag.begin());
    std::copy(sealed.begin() + tag_size, sealed.end(), plain.begin());
    impl_->ctr.apply(as_vector(tag), plain);
    if (CRYPTO_memcmp(impl_->tag_of(associated, plain).data(), tag.data(), tag.size()) == 0) return true;
  }
  std::fill(plain.begin(), plain.end(), std::uint8_t{0});
  return false;
}

}  // namespace postern::sbc
