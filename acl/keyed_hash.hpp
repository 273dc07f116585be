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
  /// Of a text, behind what was hashed before it (`so_far`).
  [[nodiscard]] std::uint64_t operator()(std::string_view text, std::uint64_t so_far = 0) const {
    std::uint64_t hash = (*this)(so_far ^ text.size());
    for (; text.size() >= sizeof(hash); text.remove_prefix(sizeof(hash))) hash = (*this)(hash ^ word_of(text, sizeof(hash)));
    return text.empty() ? hash : (*this)(hash ^ word_of(text, text.size()));
  }

 private:
  static std::uint64_t word_of(std::string_view text, std::size_t size) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), size);
    return word;
  }
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::array<std::uint64_t, 4> secrets_{};
};

}  // namespace postern::acl
