// Numbers, texts and addresses in bytes: what tokens and branches are made of, before it is sealed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "acl/address.hpp"

namespace postern::sbc {

inline void put_byte(std::string& out, unsigned byte) { out += static_cast<char>(byte); }

/// The most significant byte first.
template <class Number>
void put_number(std::string& out, Number number) {
  static_assert(std::is_unsigned_v<Number>);
  std::array<char, sizeof(Number)> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): all of it is written
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (sizeof(Number) - 1 - i) * 8 & 0xffU);
  out.append(bytes.data(), bytes.size());
}

/// LEB128.
inline void put_size(std::string& out, std::size_t size) {
  for (; size >= 0x80; size >>= 7U) put_byte(out, static_cast<unsigned>(size & 0x7fU) | 0x80U);
  put_byte(out, static_cast<unsigned>(size));
}

/// How many octets put_text() writes.
inline std::size_t size_of_text(std::string_view text) {
  std::size_t size = 1 + text.size();
  for (std::size_t left = text.size(); left >= 0x80; left >>= 7U) ++size;
  return size;
}

/// Behind its size.
inline void put_text(std::string& out, std::string_view text) {
  put_size(out, text.size());
  out += text;
}

/// 4 or 16 bytes; which is for the reader to know.
inline void put_address(std::string& out, const acl::Address& address) {
  constexpr std::size_t v4_offset = 12;  // in the mapped form
  const acl::Address::Bytes& bytes = address.bytes();
  out.append(bytes.begin() + (address.is_v4() ? v4_offset : 0), bytes.end());
}

/// Reads from the front; what is not there reads as zero, and ok() tells at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }

  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view take_all() { return take(bytes_.size()); }

  template <class Number>
  Number number() {
    std::uint64_t value = 0;
    for (const char byte : take(sizeof(Number))) value = (value << 8U) | static_cast<std::uint8_t>(byte);
    return static_cast<Number>(value);
  }

  std::size_t size() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const auto byte = number<std::uint8_t>();
      value |= (byte & std::size_t{0x7f}) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }

  std::string_view text() { return take(size()); }

  acl::Address address(bool v4) {
    if (v4) return acl::Address::v4(number<std::uint32_t>());
    acl::Address::Bytes bytes{};
    const std::string_view taken = take(bytes.size());
    std::copy(taken.begin(), taken.end(), bytes.begin());
    return acl::Address::v6(bytes);
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace postern::sbc
