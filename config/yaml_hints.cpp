#include "config/yaml_hints.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "config/yaml_tree.hpp"

namespace postern::config {
namespace {

/// Follows brackets and quotes the way that an operator reads them.
class Brackets {
 public:
  struct Open {
    char bracket;
    int line;
  };

  Brackets(std::string_view text, Position error) : error_(error) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!reached_ && (at_.line > error.line || (at_.line == error.line && at_.column >= error.column))) reach();
      take(text, i);
      ++at_.column;
      if (text[i] == '\n') at_ = {at_.line + 1, 1};
    }
    if (!reached_) reach();
  }

  [[nodiscard]] const std::vector<Open>& open_at_error() const { return open_at_error_; }
  [[nodiscard]] const std::vector<Open>& open_at_end() const { return open_; }
  [[nodiscard]] bool too_deep() const { return too_deep_; }
  /// A bracket of an address in a URL, in a list or map of brackets.
  [[nodiscard]] bool url_bracket() const { return url_bracket_; }

 private:
  void reach() {
    reached_ = true;
    open_at_error_ = open_;
  }

  void take(std::string_view text, std::size_t i) {
    const char c = text[i];
    const char before = i == 0 ? '\n' : text[i - 1];
    if (comment_) {
      comment_ = c != '\n';
    } else if (quote_ != '\0') {
      if (c == quote_ && !(c == '"' && before == '\\')) quote_ = '\0';
    } else if (const bool token_begins = std::string_view(" \t\r\n[{,").find(before) != std::string_view::npos; token_begins && c == '#') {
      comment_ = true;
    } else if (token_begins && (c == '"' || c == '\'')) {
      quote_ = c;
    } else if (c == '[' || c == '{') {
      opens(c, before, token_begins);
    } else if ((c == ']' || c == '}') && !open_.empty() && (open_.back().bracket == '[') == (c == ']')) {
      open_.pop_back();
    }
  }

  void opens(char c, char before, bool token_begins) {
    if (open_.empty() && !token_begins) return;
    if (c == '[' && before == '/' && at_.line <= error_.line) url_bracket_ = true;
    too_deep_ = too_deep_ || open_.size() >= YamlLimits::depth;
    if (!too_deep_) open_.push_back({c, at_.line});
  }

  Position error_;
  Position at_;
  std::vector<Open> open_;
  std::vector<Open> open_at_error_;
  char quote_ = '\0';
  bool comment_ = false;
  bool reached_ = false;
  bool too_deep_ = false;
  bool url_bracket_ = false;
};

std::string not_closed(const Brackets::Open& open) {
  return fmt::format("a `{}` opened in line {} is not closed", open.bracket, open.line);
}

/// The lines up to and with the one of the error; without those that hold nothing.
std::vector<std::string_view> lines_until(std::string_view text, int last) {
  std::vector<std::string_view> lines;
  for (int number = 1; number <= last && !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#') lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// A key without a value: what is indented more stands below it.
bool opens_block(std::string_view line) {
  line = line.substr(0, line.find(" #"));
  const std::size_t last = line.find_last_not_of(" \t\r");
  return last != std::string_view::npos && line[last] == ':';
}

std::string indentation_hint(const std::vector<std::string_view>& lines) {
  std::vector<std::size_t> levels;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    std::size_t indent = line.find_first_not_of(' ');
    if (i + 1 == lines.size()) {
      if (levels.empty() || std::find(levels.begin(), levels.end(), indent) != levels.end()) return {};
      if (indent > levels.back() && opens_block(lines[i - 1])) return {};
      return fmt::format("this line is indented by {}, those around it by {}: what belongs together begins in the same column", indent,
                         fmt::join(levels, " or "));
    }
    while (!levels.empty() && levels.back() >= indent) levels.pop_back();
    levels.push_back(indent);
    while (line.substr(indent).starts_with("- ")) {
      indent = std::min(line.find_first_not_of(' ', indent + 1), line.size());
      if (levels.size() < YamlLimits::depth) levels.push_back(indent);
    }
  }
  return {};
}

std::string_view line_at(std::string_view text, int number) {
  for (; number > 1; --number) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find_first_of("\r\n"));
}

/// Text that means something else to YAML: the parser stops at the character, or behind it where it stands alone.
std::string quotes_hint(std::string_view text, Position at) {
  const std::string_view line = line_at(text, at.line);
  const auto is_one_of = [](char c, std::string_view set) { return set.find(c) != std::string_view::npos; };
  const std::size_t column = static_cast<std::size_t>(std::max(at.column, 1)) - 1;
  for (const std::size_t i : {column, column - 1}) {
    if (i >= line.size() || (i > 0 && !is_one_of(line[i - 1], " \t[{,"))) continue;
    const std::string_view word = line.substr(i, line.find_first_of(" \t,]}", i) - i);
    if (is_one_of(word.empty() ? ' ' : word.front(), "*&%@`") || (word.size() > 1 && word.front() == '?'))
      return fmt::format("text that begins with `{}` stands in quotes, as in \"{}\"", word.front(), printable(word.substr(0, 40)));
  }
  if (column >= line.size()) return {};
  if (column > 0 && is_one_of(line[column], "[{") && !is_one_of(line[column - 1], " \t[{,/"))
    return "within [...] and {...} text with brackets in it stands in quotes";
  if (line[column] == ':' && line.find(": ") < column && line.find_first_of("[{") > column)
    return "text with a colon and a space in it stands in quotes";
  return {};
}

}  // namespace

std::string missing_space_hint(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" -");
  if (first == std::string_view::npos) return {};
  line.remove_prefix(first);
  const std::size_t colon = line.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
  if (colon == std::string_view::npos || colon == 0 || line[colon] != ':' || colon + 1 >= line.size()) return {};
  const std::string_view rest = line.substr(colon + 1);
  if (rest.starts_with("//") || std::string_view(": \t\r").find(rest.front()) != std::string_view::npos) return {};
  return fmt::format("a space is missing after `{}`", printable(line.substr(0, std::min<std::size_t>(colon + 1, 40))));
}

std::string syntax_hint(std::string_view text, Position at) {
  const std::vector<std::string_view> lines = lines_until(text, at.line);
  const auto has_tab = [](std::string_view line) {
    return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
  };
  if (std::any_of(lines.begin(), lines.end(), has_tab)) return "a tab; YAML is indented with spaces";
  const Brackets brackets(text, at);
  if (brackets.too_deep()) return "nested too deeply";
  if (brackets.url_bracket()) return "within [...] and {...} an address with brackets stands in quotes, as in \"udp://[::]:5060\"";
  if (std::string hint = quotes_hint(text, at); !hint.empty()) return hint;
  if (!brackets.open_at_error().empty()) return not_closed(brackets.open_at_error().back());
  for (std::size_t i = lines.size(); i > 0 && i + 2 > lines.size(); --i)
    if (std::string hint = missing_space_hint(lines[i - 1]); !hint.empty()) return hint;
  // A comment hides the bracket that would close it.
  if (!brackets.open_at_end().empty()) return not_closed(brackets.open_at_end().back());
  return indentation_hint(lines);
}

}  // namespace postern::config
