// What tables that strangers can fill are placed by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postern::acl {

/// Two multiply-and-fold rounds (as in wyhash) with secret operands: nobody without the seed can choose keys that collide.
class KeyedHash {
 public:
  explicit KeyedHash(std::uint64_t seed) {
    for (std::uint64_t& secret : secrets_) {  // splitmix64
      seed += 0x9e3779b97f4a7c15ULL;
      secret = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9ULL;
      secret = (secret ^ (secret >> 27)) * 0x94d049bb133111ebULL;
      secret = (secret ^ (secret >> 31)) | 1;
    }
  }
  [[nodiscard]] std::uint64_t operator()(std::uint64_t key) const {
    return fold(fold(key ^ secrets_[0], secrets_[1]) ^ secrets_[2], secrets_[3]);
  }
  /// Of a text, behind what was hashed before it (`so_far`): sixteen octets a round, the last ones perhaps twice.
  [[nodiscard]] std::uint64_t operator()(std::string_view text, std::uint64_t so_far = 0) const {
    // The size comes in where nobody knows what else is there: texts whose words are the same differ by it alone.
    std::uint64_t hash = fold(fold(so_far ^ secrets_[0], secrets_[1]) ^ secrets_[2] ^ text.size(), secrets_[3]);
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left > round; at += round, left -= round)
      hash = fold(word<std::uint64_t>(at) ^ secrets_[1], word<std::uint64_t>(at + half) ^ hash);
    const auto [first, last] = left >= half ? Ends{word<std::uint64_t>(at), word<std::uint64_t>(at + left - half)} : Ends{few(at, left), 0};
    return (*this)(fold(first ^ secrets_[1], last ^ hash));
  }

 private:
  static constexpr std::size_t round = 16, half = 8;
  struct Ends {
    std::uint64_t first, last;
  };

  template <class Word>
  static Word word(const char* at) {
    Word word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  /// Fewer than eight octets, each somewhere in the word.
  static std::uint64_t few(const char* at, std::size_t size) {
    constexpr std::size_t quarter = sizeof(std::uint32_t);
    if (size >= quarter) return std::uint64_t{word<std::uint32_t>(at)} << 32U | word<std::uint32_t>(at + size - quarter);
    if (size == 0) return 0;
    const auto octet = [at](std::size_t place) { return std::uint64_t{static_cast<unsigned char>(at[place])}; };
    return octet(0) << 16U | octet(size / 2) << 8U | octet(size - 1);
  }
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::array<std::uint64_t, 4> secrets_{};
};

}  // namespace postern::acl
