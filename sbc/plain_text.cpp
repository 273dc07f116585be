#include "sbc/plain_text.hpp"

#include <optional>

namespace postern::sbc {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<char> hex_pair(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto high = hex_digit(text[0]);
  const auto low = hex_digit(text[1]);
  if (!high || !low) return std::nullopt;
  return static_cast<char>(*high * 16 + *low);
}

struct Letter {
  char value;
  std::size_t size;
};

// "%40", and "%2540", which is its escape (a URI in a header of a URI).
Letter letter_at(std::string_view text) {
  if (text[0] != '%') return {text[0], 1};
  std::size_t at = 1;
  auto value = hex_pair(text.substr(at));
  if (!value) return {'%', 1};
  while (*value == '%') {
    const auto inner = hex_pair(text.substr(at + 2));
    if (!inner) break;
    at += 2;
    value = inner;
  }
  return {*value, at + 2};
}

}  // namespace

PlainText::PlainText(std::string_view raw) : raw_(raw), escaped_(raw.find('%') != std::string_view::npos) {
  if (!escaped_) return;
  decoded_.reserve(raw.size());
  origins_.reserve(raw.size() + 1);
  for (std::size_t at = 0; at < raw.size();) {
    const Letter letter = letter_at(raw.substr(at));
    decoded_ += letter.value;
    origins_.push_back(static_cast<std::uint32_t>(at));
    at += letter.size;
  }
  origins_.push_back(static_cast<std::uint32_t>(raw.size()));
}

std::string_view PlainText::raw(std::size_t begin, std::size_t end) const {
  return raw_.substr(origin(begin), origin(end) - origin(begin));
}

}  // namespace postern::sbc
