#include "sbc/net/escape.hpp"

#include <algorithm>
#include <cstdint>

namespace postern::net {

namespace {

constexpr std::string_view cut_mark = "...";
constexpr std::string_view hex_digits = "0123456789abcdef";

bool is_harmless(char c) {
  constexpr std::string_view others = "._:/@+-*~,;<>()[]%&!?#$^|{}'";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
}

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;  ///< in bytes; 0: not UTF-8
};

std::size_t sequence_length(unsigned char lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/// The character of more than one byte that `text` begins with.
CodePoint decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = sequence_length(lead);
  if (length == 0 || text.size() < length) return {};
  std::uint32_t value = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80U) return {};
    value = (value << 6U) | (byte & 0x3fU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < least[length] || value > 0x10ffff || surrogate) return {};
  return {value, length};
}

/// C1 controls, marks and overrides of the direction, line and paragraph separators, the byte order mark.
bool is_deceptive(std::uint32_t value) {
  return value < 0xa0 || (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2060 && value <= 0x206f) || value == 0x061c || value == 0xfeff;
}

void append_hex(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += "\\x";
  out += hex_digits[byte >> 4U];
  out += hex_digits[byte & 0xfU];
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (c < ' ' || c == 0x7f) {
    append_hex(out, c);
  } else {
    out += c;
  }
}

void append_bare(std::string& out, char c) {
  if (c == '"')
    out += c;
  else
    append_ascii(out, c);
}

/// `append`: what an ASCII character becomes.
void append_escaped(std::string& out, std::string_view text, void (*append)(std::string&, char)) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte < 0x80) {
      append(out, text.front());
      text.remove_prefix(1);
      continue;
    }
    const CodePoint point = decode(text);
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    if (point.length == 0 || is_deceptive(point.value)) {
      for (const char c : text.substr(0, length)) append_hex(out, c);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const bool ascii = static_cast<unsigned char>(text.front()) < 0x80;
    const std::size_t length = ascii ? 1 : decode(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_text_value(std::string& out, std::string_view raw) {
  const bool cut = raw.size() > max_logged_value;
  raw = raw.substr(0, max_logged_value);
  if (!raw.empty() && std::ranges::all_of(raw, is_harmless)) {
    out += raw;
    if (cut) out += cut_mark;
    return;
  }
  out += '"';
  append_escaped(out, raw, append_ascii);
  if (cut) out += cut_mark;
  out += '"';
}

std::string escaped_lines(std::string_view raw) {
  std::string out;
  while (!raw.empty()) {
    const std::size_t end = raw.find('\n');
    std::string_view line = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (end != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    append_escaped(out, line, append_bare);
    if (end != std::string_view::npos) out += '\n';
  }
  return out;
}

std::string cut_value(std::string_view raw) {
  std::string out(raw.substr(0, max_logged_value));
  if (raw.size() > max_logged_value) out += cut_mark;
  return out;
}

}  // namespace postern::net
