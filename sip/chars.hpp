// Character classes of RFC 3261 §25.1, and the white space that may hold folds. Internal to sip/.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postern::sip::chars {

enum Class : std::uint16_t {
  token = 1,           ///< token, which method and header names are
  host = 2,            ///< in a host name or IPv4 address; "_" is not in the grammar, but in the field
  ipv6 = 4,            ///< between the brackets of an IPv6 reference
  digit = 8,           ///< 0..9
  blank = 16,          ///< SP HT CR LF: white space around and inside a value, folds included
  no_uri = 32,         ///< never in a URI: controls, SP, DEL, angle brackets, the double quote
  alphanum = 64,       ///< letters and digits
  list_mark = 128,     ///< what ends or nests an element of a list: comma, double quote, "<", "("
  plain_user = 256,    ///< of a user of a URI without escapes and parameters (sip/plain.hpp)
  plain_value = 512,   ///< of a parameter's value without quotes, an address among them
  plain_words = 1024,  ///< of a display name, quoted or not
  param_mark = 2048,   ///< what ends a parameter's name, or quotes: ";", "=", double quote
  uri_mark = 4096,     ///< what is never in a URI, and "@"
  line_mark = 8192,    ///< CR, LF, NUL
};

consteval std::array<std::uint16_t, 256> make_classes() {
  std::array<std::uint16_t, 256> table{};
  const auto mark = [&table](std::string_view set, unsigned bits) {
    for (const char c : set) {
      auto& entry = table.at(static_cast<unsigned char>(c));
      entry = static_cast<std::uint16_t>(entry | bits);
    }
  };
  constexpr unsigned plain = plain_user | plain_value | plain_words;
  mark("0123456789", digit | alphanum | token | host | ipv6 | plain);
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", alphanum | token | host | plain);
  mark("abcdefABCDEF:.", ipv6);
  mark("-._", host);
  mark("-.!%*_+`'~", token);
  mark(" \t\r\n", blank);
  mark(",\"<(", list_mark);
  mark(";=\"", param_mark);
  mark("\r\n", line_mark);
  table[0] = line_mark;
  mark("-._", plain);
  mark("~+*", plain_user | plain_value);
  mark(" ", plain_words);
  mark("<>\"\x7f ", no_uri | uri_mark);
  mark("@", uri_mark);
  for (unsigned c = 0; c < 0x20; ++c) table.at(c) = static_cast<std::uint16_t>(table.at(c) | no_uri | uri_mark);
  return table;
}
inline constexpr std::array<std::uint16_t, 256> classes = make_classes();

constexpr bool is(char c, Class which) { return (classes[static_cast<unsigned char>(c)] & which) != 0; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

constexpr bool all(std::string_view text, Class which) {
  for (const char c : text) {
    if (!is(c, which)) return false;
  }
  return true;
}
constexpr bool any(std::string_view text, Class which) {
  for (const char c : text) {
    if (is(c, which)) return true;
  }
  return false;
}
/// How many characters at the front are of the class. Four at once: half of all reading is done here.
constexpr std::size_t run(std::string_view text, Class which) {
  std::size_t n = 0;
  for (; text.size() - n >= 4; n += 4) {
    if (!is(text[n], which)) return n;
    if (!is(text[n + 1], which)) return n + 1;
    if (!is(text[n + 2], which)) return n + 2;
    if (!is(text[n + 3], which)) return n + 3;
  }
  while (n < text.size() && is(text[n], which)) ++n;
  return n;
}
/// How many at the front are not.
constexpr std::size_t run_without(std::string_view text, Class which) {
  std::size_t n = 0;
  while (n < text.size() && !is(text[n], which)) ++n;
  return n;
}
/// Eight characters at once: whole values are looked through for what they hardly ever hold.
class Word {
 public:
  static constexpr std::size_t size = sizeof(std::uint64_t);
  explicit Word(const char* text) { std::memcpy(&bytes_, text, size); }
  [[nodiscard]] bool any_below(unsigned char bound) const { return ((bytes_ - ones * bound) & ~bytes_ & tops) != 0; }
  [[nodiscard]] bool any_of(char letter) const {
    const std::uint64_t other = bytes_ ^ (ones * static_cast<unsigned char>(letter));
    return ((other - ones) & ~other & tops) != 0;
  }

 private:
  static constexpr std::uint64_t ones = 0x0101'0101'0101'0101U, tops = ones << 7U;
  std::uint64_t bytes_ = 0;
};
/// a == b without a call: names are short.
inline bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto differ = [a, b]<class T>(std::size_t at, T /*so many octets*/) {
    std::array<char, sizeof(T)> left;   // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
    std::array<char, sizeof(T)> right;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::copy_n(a.begin() + at, sizeof(T), left.begin());
    std::copy_n(b.begin() + at, sizeof(T), right.begin());
    return std::bit_cast<T>(left) != std::bit_cast<T>(right);
  };
  constexpr std::size_t half = sizeof(std::uint32_t);
  constexpr std::size_t word = sizeof(std::uint64_t);
  if (a.size() < half) return std::equal(a.begin(), a.end(), b.begin());
  if (a.size() <= word) return !differ(0, std::uint32_t{}) && !differ(a.size() - half, std::uint32_t{});
  const std::size_t last = a.size() - word;
  for (std::size_t at = 0; at < last; at += word) {
    if (differ(at, std::uint64_t{})) return false;
  }
  return !differ(last, std::uint64_t{});
}
/// How many at the front are neither a comma, nor begin what may hold one that does not count (list_mark).
inline std::size_t run_of_element(std::string_view text) {
  std::size_t n = 0;
  for (; text.size() - n >= Word::size; n += Word::size) {
    const Word word(text.data() + n);
    if (word.any_of(',') || word.any_of('"') || word.any_of('<') || word.any_of('(')) break;
  }
  return n + run_without(text.substr(n), list_mark);
}
/// How many at the front are no CR, LF or NUL.
inline std::size_t run_of_line(std::string_view text) {
  std::size_t n = 0;
  while (text.size() - n >= Word::size && !Word(text.data() + n).any_below(' ')) n += Word::size;
  return n + run_without(text.substr(n), line_mark);
}
constexpr std::string_view skip_blank(std::string_view text) { return text.substr(run(text, blank)); }
constexpr std::string_view trim_end(std::string_view text) {
  while (!text.empty() && is(text.back(), blank)) text.remove_suffix(1);
  return text;
}
constexpr std::string_view trim(std::string_view text) { return trim_end(skip_blank(text)); }
/// From a to past the end of b, both views into one text.
inline std::string_view between(std::string_view from, std::string_view to) {
  const char* begin = from.data();
  const char* end = to.data() + to.size();
  return {begin, end};
}
/// The offset past a quoted string that begins at text[at] (§25.1, with quoted pairs); npos: it does not end.
constexpr std::size_t past_quoted(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}
/// The first `wanted` at or behind `at` that stands outside of quotes; size(): there is none; npos: a quoted string does not end.
constexpr std::size_t find_unquoted(std::string_view text, char wanted, std::size_t at = 0) {
  while (true) {
    const std::size_t found = std::min(text.find(wanted, at), text.size());
    const std::size_t quote = text.substr(0, found).find('"', at);
    if (quote == std::string_view::npos) return found;
    at = past_quoted(text, quote);
    if (at == std::string_view::npos) return at;
  }
}
inline bool quotes_balance(std::string_view text) {
  std::size_t quote = text.find('"');
  while (quote != std::string_view::npos) {
    const std::size_t past = past_quoted(text, quote);
    if (past == std::string_view::npos) return false;
    quote = text.find('"', past);
  }
  return true;
}

}  // namespace postern::sip::chars
