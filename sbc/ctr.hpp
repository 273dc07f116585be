// Hides bytes under an initialisation vector that is a MAC over them (AES-128 in counter mode).
#pragma once

#include <cstdint>
#include <span>

#include "sbc/aes.hpp"
#include "sbc/mac.hpp"

namespace postern::sbc {

/// What SIV does (RFC 5297) with a MAC of the caller's: it is computed over all that is hidden, serves as the vector, and is computed again
/// by who takes the bytes back. Not thread-safe: one a worker.
class Ctr {
 public:
  /// Throws std::runtime_error if the library has no AES.
  explicit Ctr(std::span<const std::uint8_t, 16> key) : aes_(key) {}
  /// Hides, and with the same vector shows again.
  void apply(const Mac128& vector, std::span<std::uint8_t> bytes);

 private:
  Aes aes_;
};

}  // namespace postern::sbc
