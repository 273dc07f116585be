#include "config/located.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "sip/utf8.hpp"

namespace postern::config {

void Report::add(const std::string& file, const Where& at, Severity severity, std::string_view message) {
  if (severity == Severity::error) ++errors_;
  if (full()) return;
  problems_.push_back({printable(file), at.position.line, at.position.column, printable(at.path), severity, printable(message)});
}

bool Report::has_errors_at(std::string_view path) const {
  return std::any_of(problems_.begin(), problems_.end(), [&](const Problem& problem) {
    if (problem.severity != Severity::error || !problem.path.starts_with(path)) return false;
    return problem.path.size() == path.size() || problem.path[path.size()] == '.' || problem.path[path.size()] == '[';
  });
}

std::vector<Problem> Report::take() {
  std::sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.file, a.line, a.column, a.path, a.message) < std::tie(b.file, b.line, b.column, b.path, b.message);
  });
  // An error whatever the others are: readers stop here, and what they did not read may be wrong.
  if (full())
    problems_.push_back(
        {printable(file_), 1, 1, "(yaml)", Severity::error, fmt::format("{} problems; the rest was not looked at", max_problems)});
  return std::move(problems_);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [value, length] = sip::front_character(text);
    if (length == 0 || sip::is_deceptive(value)) {
      const std::size_t bytes = std::max<std::size_t>(length, 1);
      for (const char c : text.substr(0, bytes)) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      text.remove_prefix(bytes);
      continue;
    }
    out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::size_t end = 0;
  while (end < text.size() && end < longest) end += std::max<std::size_t>(sip::front_character(text.substr(end)).length, 1);
  return '"' + printable(text.substr(0, end)) + (end < text.size() ? "..." : "") + '"';
}

}  // namespace postern::config
