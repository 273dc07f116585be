#include "config/roff.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace postern::config {
namespace {

void append_character(std::string& out, char c) {
  // A hyphen-minus is to be copied, not broken at; a line that began with . or ' would be a request.
  if (c == '\\')
    out += "\\e";
  else if (c == '-')
    out += "\\-";
  else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
    out += std::string("\\&") + c;
  else
    out += c;
}

/// What stands between [ and ](address), with what is to be passed over; empty: no link begins here.
struct Link {
  std::string_view text;
  std::size_t size = 0;
};
Link link_at(std::string_view text) {
  const std::size_t middle = text.find("](");
  const std::size_t end = text.find(')', middle);
  if (middle == std::string_view::npos || end == std::string_view::npos || text.substr(1, middle - 1).find('[') != std::string_view::npos)
    return {};
  return {text.substr(1, middle - 1), end + 1};
}

/// The size of an *emphasis*, 0: none begins here. A lone star is itself.
std::size_t emphasis_at(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.size() < 3 || text.front() != '*' || !is_letter(text[1])) return 0;
  const std::size_t end = text.find('*', 1);
  return end == std::string_view::npos || !is_letter(text[end - 1]) ? 0 : end + 1;
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  bool code = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '`') {
      code = !code;
      out += code ? "\\fB" : "\\fR";
    } else if (const std::size_t size = code ? 0 : emphasis_at(text.substr(at)); size > 0) {
      out += "\\fI" + roff_verbatim(text.substr(at + 1, size - 2)) + "\\fR";
      at += size - 1;
    } else if (const Link link = !code && text[at] == '[' ? link_at(text.substr(at)) : Link(); link.size > 0) {
      out += roff(link.text);
      at += link.size - 1;
    } else {
      append_character(out, text[at]);
    }
  }
  return out;
}

std::string roff_verbatim(std::string_view text) {
  std::string out;
  for (const char c : text) append_character(out, c);
  return out;
}

std::string roff_page(std::string_view markdown) {
  std::string out, paragraph;
  bool example = false;
  const auto finish = [&out, &paragraph] {
    if (!paragraph.empty()) out += roff(paragraph) + "\n";
    paragraph.clear();
  };
  while (!markdown.empty()) {
    const std::size_t end = std::min(markdown.find('\n'), markdown.size());
    const std::string_view line = markdown.substr(0, end);
    markdown.remove_prefix(std::min(end + 1, markdown.size()));
    if (example && !line.starts_with("```")) {
      out += roff_verbatim(line) + "\n";
      continue;
    }
    const bool fence = line.starts_with("```"), item = line.starts_with("- ");
    if (fence || item || line.empty()) finish();
    if (fence) {
      out += example ? ".EE\n" : ".EX\n";
      example = !example;
    } else if (line.empty()) {
      out += ".PP\n";
    } else {
      if (item) out += ".IP \\(bu 2\n";
      const std::string_view text = line.substr(item ? 2 : line.find_first_not_of(' '));
      paragraph += (paragraph.empty() ? "" : " ") + std::string(text);
    }
  }
  finish();
  return out;
}

}  // namespace postern::config
