// The keys of the state folder, and when they give way to others.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/engine.hpp"

namespace postern::net {

/// What the file `key` holds: the secret of which one part seals tokens, since when it does, and the parts that did before. Times are the
/// wall clock's, in seconds since 1970.
class KeyRing {
 public:
  using Secret = decltype(sbc::Secrets::secret);
  using Seconds = std::int64_t;

  static constexpr std::size_t seal_offset = 32;  ///< of Secret: from here on it seals tokens; what stands before never changes
  static constexpr std::size_t seal_size = 32;
  static constexpr Seconds seals_for = Seconds{30} * 86'400;
  static constexpr Seconds opens_for = Seconds{8} * 86'400;  ///< after it was replaced
  static constexpr std::size_t most_old = 8;

  KeyRing(const Secret& secret, Seconds now) : secret_(secret), since_(now) {}
  /// What to_bytes() gave, or a secret alone, as the first versions wrote it; that one's age counts from now. nullopt: neither.
  static std::optional<KeyRing> from_bytes(std::string_view bytes, Seconds now);
  [[nodiscard]] std::string to_bytes() const;

  /// Something is to be done: the key has sealed for long enough, or an old one need not open any more.
  [[nodiscard]] bool due(Seconds now) const;
  /// Does it; `fresh` seals from now on, if it is time for that.
  void turn(Seconds now, const std::array<std::uint8_t, seal_size>& fresh);

  /// Into `secret` and `old_token_keys`.
  void fill(sbc::Secrets& secrets) const;
  [[nodiscard]] std::size_t old_keys() const { return old_.size(); }

 private:
  struct Old {
    std::array<std::uint8_t, seal_size> key{};
    Seconds until = 0;
  };
  [[nodiscard]] bool worn(Seconds now) const { return now - since_ >= seals_for; }

  Secret secret_;
  Seconds since_;
  std::vector<Old> old_;  ///< the newest first
};

}  // namespace postern::net
