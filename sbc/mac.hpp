// A fast keyed hash for what must be unguessable but holds no secret: branches, markers, table keys.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string_view>

namespace postern::sbc {

/// Its bytes are those of `high` and then of `low`, each the most significant first.
struct Mac128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Mac128&) const = default;
};

/// SipHash-2-4 with 128 bits of output, our own: a packet needs several, and of what OpenSSL's costs for short texts nearly all is for
/// setting itself up. A test holds it to OpenSSL's.
class Mac {
 public:
  explicit Mac(std::span<const std::uint8_t, 16> key);
  /// Over the parts, each preceded by its length (LEB128), so that ("ab","c") differs from ("a","bc"). No allocation.
  [[nodiscard]] Mac128 of(std::span<const std::string_view> parts) const;

 private:
  std::uint64_t key_low_ = 0, key_high_ = 0;
};

}  // namespace postern::sbc
