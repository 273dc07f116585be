#include "sbc/net/content_length.hpp"

#include <algorithm>
#include <charconv>

#include "sip/header_name.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view blank = " \t";
constexpr std::size_t impossible = sip::Bounds::message + 1;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

std::size_t number(std::string_view value) {
  std::size_t size = 0;
  const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), size);
  return error == std::errc{} && last == value.data() + value.size() ? std::min(size, impossible) : impossible;
}

}  // namespace

std::optional<std::size_t> body_size(std::string_view head) {
  std::optional<std::size_t> found;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(line_end), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + line_end.size(), head.size()));
    const std::size_t colon = line.find(':');
    // A line that begins with white space continues the field before it (§7.3.1), whatever it looks like.
    if (colon == std::string_view::npos || blank.find(line.front()) != std::string_view::npos) continue;
    if (sip::header_name_of(trim(line.substr(0, colon))) != sip::HeaderName::content_length) continue;
    const std::size_t size = number(trim(line.substr(colon + 1)));
    found = found && *found != size ? impossible : size;
  }
  return found;
}

}  // namespace postern::net
