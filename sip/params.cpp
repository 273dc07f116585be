// Parameters (";a=b;c") and lists of elements: what URIs, addresses and Vias have in common.
#include "sip/params.hpp"

#include <algorithm>
#include <array>

#include "sip/chars.hpp"
#include "sip/uri.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr std::size_t longest_known_name = 32;

/// With escapes (§25.1) decoded, as far as `buffer` reaches; what only looks like one stays.
string_view decoded(string_view text, std::span<char> buffer) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
  };
  std::size_t size = 0;
  for (std::size_t at = 0; at < text.size() && size < buffer.size(); ++at) {
    char letter = text[at];
    const int high = letter == '%' && text.size() - at > 2 ? digit(text[at + 1]) : -1;
    const int low = high >= 0 ? digit(text[at + 2]) : -1;
    if (low >= 0) {
      letter = static_cast<char>(high * 16 + low);
      at += 2;
    }
    buffer[size++] = letter;
  }
  return {buffer.data(), size};
}

/// The offset past a comment that begins at text[at]; comments nest (§25.1). npos: it does not end.
std::size_t past_comment(string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')' && --depth == 0) {
      return at + 1;
    }
  }
  return string_view::npos;
}

/// The offset past the character, or the quoted string, bracket pair or comment that begins here. A "(" is a comment only behind white
/// space: in a URI it is an ordinary character. npos: it does not end.
std::size_t past_unit(string_view text, std::size_t at) {
  if (text[at] == '"') return chars::past_quoted(text, at);
  if (text[at] == '<') {
    const std::size_t close = text.find('>', at);
    return close == string_view::npos ? close : close + 1;
  }
  if (text[at] == '(' && at > 0 && chars::is(text[at - 1], chars::blank)) return past_comment(text, at);
  return at + 1;
}

}  // namespace

bool next_param(string_view& rest, Param& out) {
  const std::size_t begin = !rest.empty() && rest.front() == ';' ? 0 : rest.find(';');
  if (begin == string_view::npos) return false;
  std::size_t equals = begin + 1;
  while (equals < rest.size() && !chars::is(rest[equals], chars::param_mark)) ++equals;
  // The next ";" outside of quotes; a quoted string that does not end takes all.
  const std::size_t end = std::min(chars::find_unquoted(rest, ';', equals), rest.size());
  if (equals < end && rest[equals] != '=') equals = std::min(rest.find('=', equals), end);
  out.whole = rest.substr(begin, end - begin);
  out.name = chars::trim(rest.substr(begin + 1, equals - begin - 1));
  out.value = equals >= end ? string_view{} : chars::trim(rest.substr(equals + 1, end - equals - 1));
  rest.remove_prefix(end);
  return true;
}

bool detail::iequals(string_view a, string_view b) {
  if (chars::same(a, b)) return true;  // nearly all names are written as the RFC writes them
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && chars::lower(a[i]) != chars::lower(b[i])) return false;
  }
  return true;
}

bool is_named(string_view written, string_view name) {
  if (written.find('%') == string_view::npos) return iequals(written, name);
  std::array<char, longest_known_name> buffer{};
  return written.size() <= 3 * buffer.size() && iequals(decoded(written, buffer), name);
}

std::optional<string_view> find_param(string_view params, string_view name) {
  Param param;
  while (next_param(params, param)) {
    if (is_named(param.name, name)) return param.value;
  }
  return std::nullopt;
}

bool names_are_literal(string_view params) {
  if (params.find('%') == string_view::npos) return true;
  Param param;
  while (next_param(params, param)) {
    if (param.name.find('%') != string_view::npos) return false;
  }
  return true;
}

void append_params_without(std::string& out, string_view params, std::span<const string_view> names) {
  Param param;
  while (next_param(params, param)) {
    if (std::none_of(names.begin(), names.end(), [&](string_view name) { return is_named(param.name, name); })) out.append(param.whole);
  }
}

string_view canonical_user(string_view user, std::span<char> buffer) {
  const auto canonical_end = [](string_view text) { return std::min(text.find_first_of(string_view(";\0", 2)), text.size()); };
  if (user.find('%') == string_view::npos) return user.substr(0, std::min(canonical_end(user), buffer.size()));
  const string_view text = decoded(user, buffer);
  return text.substr(0, canonical_end(text));
}

std::optional<string_view> ElementReader::next() {
  while (!rest_.empty()) {
    std::size_t at = 0;
    while (true) {
      at += chars::run_of_element(rest_.substr(at));
      if (at == rest_.size() || rest_[at] == ',') break;
      at = past_unit(rest_, at);
      if (at == string_view::npos) {
        rest_ = {};
        return std::nullopt;
      }
    }
    const string_view element = chars::trim(rest_.substr(0, at));
    rest_.remove_prefix(at < rest_.size() ? at + 1 : at);
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

}  // namespace postern::sip
