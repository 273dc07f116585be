#include "sip/glance.hpp"

#include "sip/chars.hpp"
#include "sip/header_name.hpp"
#include "sip/prescreen.hpp"

namespace postern::sip {
namespace {

constexpr std::size_t longest_start_line = 512;

}  // namespace

std::optional<Glance> glance(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, longest_start_line).find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = bytes.substr(0, end);
  // No response, nor anything behind a line end that prescreen() passes over.
  std::size_t space = 0;
  while (space < line.size() && chars::is(line[space], chars::token)) ++space;
  if (space == 0 || !line.substr(space).starts_with(' ') || !line.ends_with(" SIP/2.0\r") || line.find('~') != std::string_view::npos)
    return std::nullopt;
  const std::string_view text = line.substr(0, space);
  const Method method = method_of(text);
  if (method == Method::ack || method == Method::cancel) return std::nullopt;
  return Glance{method, text, end + 1};
}

std::optional<std::string_view> glance_user_agent(std::string_view bytes, const Glance& seen) {
  std::string_view rest = bytes.substr(seen.headers);
  for (std::size_t lines = 0; lines < Bounds::header_lines; ++lines) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line == "\r" || line.empty()) return std::string_view();
    if (line[0] != 'U' && line[0] != 'u') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || header_name_of(chars::trim(line.substr(0, colon))) != HeaderName::user_agent) continue;
    if (rest.starts_with(' ') || rest.starts_with('\t')) return std::nullopt;  // it goes on
    return chars::trim(line.substr(colon + 1)).substr(0, Bounds::user_agent);
  }
  return std::nullopt;
}

}  // namespace postern::sip
