// Hides bytes under an initialisation vector that is a MAC over them (AES-128 in counter mode, by OpenSSL).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sbc/mac.hpp"

namespace postern::sbc {

/// What SIV does (RFC 5297) with a MAC of the caller's: it is computed over all that is hidden, serves as the vector, and is computed again
/// by who takes the bytes back. Not thread-safe: one a worker.
class Ctr {
 public:
  /// Throws std::runtime_error if the library has no AES-128-CTR.
  explicit Ctr(std::span<const std::uint8_t, 16> key);
  ~Ctr();
  Ctr(Ctr&&) noexcept;
  Ctr& operator=(Ctr&&) noexcept;
  /// Hides, and with the same vector shows again. Ends the process if the library fails, as Mac does.
  void apply(const Mac128& vector, std::span<std::uint8_t> bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
