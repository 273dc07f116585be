#include "sbc/mac.hpp"

#include <bit>

namespace postern::sbc {
namespace {

/// Little endian, as SipHash reads; the compiler makes one instruction of it.
std::uint64_t load(std::string_view bytes) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return word;
}

/// J.-P. Aumasson, D. J. Bernstein: SipHash: a fast short-input PRF (2012), 2 rounds a word and 4 at the end; the 128-bit output is that of
/// the authors' reference implementation.
class SipHash {
 public:
  SipHash(std::uint64_t low, std::uint64_t high)
      : v0_(low ^ 0x736f6d6570736575ULL),
        v1_(high ^ 0x646f72616e646f6dULL ^ 0xeeU),
        v2_(low ^ 0x6c7967656e657261ULL),
        v3_(high ^ 0x7465646279746573ULL) {}

  void add(std::uint8_t byte) { add_some(byte, 1); }

  void add(std::string_view bytes) {
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) add_some(load(bytes), 8);
    if (bytes.empty()) return;
    std::uint64_t rest = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) rest = rest << 8 | static_cast<unsigned char>(bytes[i - 1]);
    add_some(rest, bytes.size());
  }

  Mac128 end() {
    word_ |= std::uint64_t{size_} << 56;
    take_word();
    v2_ ^= 0xeeU;
    rounds<4>();
    const std::uint64_t first = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xddU;
    rounds<4>();
    return {__builtin_bswap64(first), __builtin_bswap64(v0_ ^ v1_ ^ v2_ ^ v3_)};
  }

 private:
  /// The lowest `count` bytes of `bytes`, 1 to 8.
  void add_some(std::uint64_t bytes, std::size_t count) {
    const std::size_t shift = 8 * (size_ % 8);
    word_ |= bytes << shift;
    const bool full = size_ % 8 + count >= 8;
    size_ += count;
    if (!full) return;
    take_word();
    if (shift != 0) word_ = bytes >> (64 - shift);
  }

  void take_word() {
    v3_ ^= word_;
    rounds<2>();
    v0_ ^= word_;
    word_ = 0;
  }

  template <int count>
  void rounds() {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v2_ += v3_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v1_;
      v0_ += v3_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t word_ = 0;  ///< what has not filled one yet
  std::size_t size_ = 0;
};

}  // namespace

Mac::Mac(std::span<const std::uint8_t, 16> key) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  key_low_ = load(bytes);
  key_high_ = load(bytes.substr(8));
}

Mac128 Mac::of(std::span<const std::string_view> parts) const {
  SipHash hash(key_low_, key_high_);
  for (const std::string_view part : parts) {
    std::size_t length = part.size();
    for (; length >= 0x80; length >>= 7) hash.add(static_cast<std::uint8_t>(length | 0x80));
    hash.add(static_cast<std::uint8_t>(length));
    hash.add(part);
  }
  return hash.end();
}

}  // namespace postern::sbc
