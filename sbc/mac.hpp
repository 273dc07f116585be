// A fast keyed hash for what must be unguessable but holds no secret: branches, markers, table keys.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace postern::sbc {

struct Mac128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Mac128&) const = default;
};

/// SipHash-2-4 with 128 bits of output (OpenSSL). Not thread-safe: one a worker.
class Mac {
 public:
  explicit Mac(std::span<const std::uint8_t, 16> key);
  ~Mac();
  Mac(Mac&&) noexcept;
  Mac& operator=(Mac&&) noexcept;
  /// Over the parts, each preceded by its length, so that ("ab","c") differs from ("a","bc"). No allocation.
  [[nodiscard]] Mac128 of(std::span<const std::string_view> parts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
