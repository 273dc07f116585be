// A fast keyed hash for what must be unguessable but holds no secret: branches, markers, table keys.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace postern::sbc {

/// Its bytes are those of `high` and then of `low`, each the most significant first.
struct Mac128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Mac128&) const = default;
};

/// SipHash-2-4 with 128 bits of output (OpenSSL). Not thread-safe: one a worker.
class Mac {
 public:
  /// Throws std::runtime_error if the library has no SipHash.
  explicit Mac(std::span<const std::uint8_t, 16> key);
  ~Mac();
  Mac(Mac&&) noexcept;
  Mac& operator=(Mac&&) noexcept;
  /// Over the parts, each preceded by its length (LEB128), so that ("ab","c") differs from ("a","bc"). No allocation. Ends the
  /// process if the library fails, which it does not for want of memory or by input: a wrong hash would let strangers pass.
  [[nodiscard]] Mac128 of(std::span<const std::string_view> parts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
