#include "sbc/request_head.hpp"

#include <algorithm>

namespace postern::sbc {
namespace {

bool is_head_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_head_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_head_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Past the end of the line at `from`.
std::size_t next_line(std::string_view text, std::size_t from) {
  const std::size_t end = text.find('\n', from);
  return end == std::string_view::npos ? text.size() : end + 1;
}

}  // namespace

void RequestHead::read(std::string_view head, const FirstLetters& letters) {
  fields_.clear();
  for (std::size_t at = next_line(head, 0); at < head.size();) {
    std::size_t end = next_line(head, at);
    while (end < head.size() && (head[end] == ' ' || head[end] == '\t')) end = next_line(head, end);  // a fold (RFC 3261 §7.3.1)
    const std::string_view line = head.substr(at, end - at);
    at = end;
    const std::size_t colon = letters.has(line.front()) ? line.find(':') : std::string_view::npos;
    if (colon != std::string_view::npos)
      fields_.push_back({sip::header_name_of(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1))});
  }
}

std::string_view RequestHead::value_of(sip::HeaderName name) const {
  const auto found = std::ranges::find(fields_, name, &Field::name);
  return found == fields_.end() ? std::string_view{} : found->value;
}

}  // namespace postern::sbc
