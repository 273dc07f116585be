#include "sbc/base64url.hpp"

#include <array>

namespace postern::sbc {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_letter = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_letter);
  for (std::size_t i = 0; i < alphabet.size(); ++i) values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto values = make_values();

}  // namespace

bool is_base64url(char letter) { return values[static_cast<unsigned char>(letter)] != no_letter; }

void append_base64url(std::string& out, std::span<const std::uint8_t> bytes) {
  const std::size_t before = out.size();
  out.resize(before + (bytes.size() * 8 + 5) / 6);
  char* letter = out.data() + before;
  const auto letter_at = [](std::uint32_t bits, unsigned shift) { return alphabet[(bits >> shift) & 0x3f]; };
  for (; bytes.size() >= 3; bytes = bytes.subspan(3)) {
    const std::uint32_t bits = std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2];
    *letter++ = letter_at(bits, 18);
    *letter++ = letter_at(bits, 12);
    *letter++ = letter_at(bits, 6);
    *letter++ = letter_at(bits, 0);
  }
  if (bytes.empty()) return;
  const std::uint32_t bits = std::uint32_t{bytes[0]} << 16 | (bytes.size() > 1 ? std::uint32_t{bytes[1]} << 8 : 0);
  *letter++ = letter_at(bits, 18);
  *letter++ = letter_at(bits, 12);
  if (bytes.size() > 1) *letter = letter_at(bits, 6);
}

std::optional<std::size_t> decode_base64url(std::string_view text, std::span<std::uint8_t> out) {
  const std::size_t size = text.size() / 4 * 3 + text.size() % 4 * 3 / 4;
  if (text.size() % 4 == 1 || size > out.size()) return std::nullopt;
  std::size_t written = 0;
  const auto value_of = [](char letter) { return std::uint32_t{values[static_cast<unsigned char>(letter)]}; };
  for (; text.size() >= 4; text.remove_prefix(4)) {
    const std::array<std::uint32_t, 4> six{value_of(text[0]), value_of(text[1]), value_of(text[2]), value_of(text[3])};
    if ((six[0] | six[1] | six[2] | six[3]) > 0x3f) return std::nullopt;
    const std::uint32_t bits = six[0] << 18 | six[1] << 12 | six[2] << 6 | six[3];
    out[written++] = static_cast<std::uint8_t>(bits >> 16);
    out[written++] = static_cast<std::uint8_t>(bits >> 8);
    out[written++] = static_cast<std::uint8_t>(bits);
  }
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char letter : text) {
    const std::uint32_t value = value_of(letter);
    if (value == no_letter) return std::nullopt;
    bits = (bits << 6) | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out[written++] = static_cast<std::uint8_t>(bits >> count);
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return written;
}

}  // namespace postern::sbc
