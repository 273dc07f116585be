#include "sbc/net/escape.hpp"

#include <algorithm>

#include "sip/utf8.hpp"

namespace postern::net {

namespace {

constexpr std::string_view cut_mark = "...";
constexpr std::string_view hex_digits = "0123456789abcdef";

bool is_harmless(char c) {
  constexpr std::string_view others = "._:/@+-*~,;<>()[]%&!?#$^|{}'";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
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
    const sip::CodePoint point = sip::front_character(text);
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    if (point.length == 0 || sip::is_deceptive(point.value)) {
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
    const std::size_t length = sip::front_character(text).length;
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
