// Deterministic authenticated encryption of short strings: AES-128-SIV (RFC 5297) over the AES of OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace postern::sbc {

/// The same plaintext and associated data give the same ciphertext. Not thread-safe: one a worker. OpenSSL has the mode too, but can start
/// it anew for another text only by keying or copying three contexts, which takes longer than the text itself; a test holds ours to it.
class Seal {
 public:
  static constexpr std::size_t tag_size = 16;

  /// Throws std::runtime_error if the library lacks an algorithm.
  explicit Seal(std::span<const std::uint8_t, 32> key);
  ~Seal();
  Seal(Seal&&) noexcept;
  Seal& operator=(Seal&&) noexcept;

  /// Fills `sealed` with the tag and the ciphertext; `sealed` is tag_size longer than `plain`, which has at least one byte. False: it is
  /// not.
  [[nodiscard]] bool seal(std::string_view associated, std::span<const std::uint8_t> plain, std::span<std::uint8_t> sealed);
  /// Fills `plain`, which is tag_size shorter than `sealed` and has at least one byte. False, and `plain` cleared: not sealed with this
  /// key and associated data.
  [[nodiscard]] bool open(std::string_view associated, std::span<const std::uint8_t> sealed, std::span<std::uint8_t> plain);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
