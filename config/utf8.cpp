#include "config/utf8.hpp"

#include <cstdint>

namespace postern::config {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t index) { return static_cast<std::uint8_t>(text[index]); }

std::uint32_t code_point(std::string_view character) {
  constexpr std::uint32_t lead_masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  std::uint32_t value = byte_at(character, 0) & lead_masks[character.size()];
  for (std::size_t i = 1; i < character.size(); ++i) value = (value << 6) | (byte_at(character, i) & 0x3fU);
  return value;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const std::uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  const std::uint32_t value = code_point(text.substr(0, length));
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return overlong || surrogate || value > 0x10ffff ? 0 : length;
}

bool is_control(std::string_view character) {
  const std::uint32_t value = code_point(character);
  return value < 0x20 || (value >= 0x7f && value < 0xa0) || (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2066 && value <= 0x2069) || value == 0xfeff;
}

}  // namespace postern::config
