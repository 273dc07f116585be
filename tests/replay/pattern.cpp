#include "tests/replay/pattern.hpp"

#include <regex>
#include <stdexcept>

namespace postern::replay {
namespace {

// {name} with letters, digits, "-" and "_", or {*}; calls text(literal) and capture(name) in turn.
template <class Text, class Capture>
void each_part(std::string_view pattern, Text&& text, Capture&& capture) {
  static const std::regex name(R"(\{(\*|[A-Za-z][A-Za-z0-9_-]*)\})");
  const std::string all(pattern);
  std::size_t done = 0;
  for (std::sregex_iterator it(all.begin(), all.end(), name), end; it != end; ++it) {
    const auto begin = static_cast<std::size_t>(it->position());
    text(all.substr(done, begin - done));
    capture((*it)[1].str());
    done = begin + static_cast<std::size_t>(it->length());
  }
  text(all.substr(done));
}

std::string escaped(const std::string& text) {
  static const std::regex special(R"([.^$|()\[\]{}*+?\\])");
  return std::regex_replace(text, special, R"(\$&)");
}

}  // namespace

std::string filled_in(std::string_view text, const Captures& captures) {
  std::string out;
  each_part(
      text, [&](const std::string& literal) { out += literal; },
      [&](const std::string& name) {
        const auto known = captures.find(name);
        if (known == captures.end()) throw std::runtime_error("{" + name + "} is not known yet");
        out += known->second;
      });
  return out;
}

bool matches(std::string_view pattern, std::string_view line, Captures& captures) {
  std::string expression;
  std::vector<std::string> names;
  each_part(
      pattern, [&](const std::string& literal) { expression += escaped(literal); },
      [&](const std::string& name) {
        if (name == "*") {
          expression += "[^]*";
        } else if (const auto known = captures.find(name); known != captures.end()) {
          expression += escaped(known->second);
        } else {
          expression += R"(([^\s;,>"<@]+))";
          names.push_back(name);
        }
      });
  std::match_results<std::string_view::const_iterator> found;
  if (!std::regex_match(line.begin(), line.end(), found, std::regex(expression))) return false;
  for (std::size_t i = 0; i < names.size(); ++i) captures[names[i]] = found[i + 1].str();
  return true;
}

std::vector<std::string> lines_of_message(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find("\r\n"), bytes.size());
    lines.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 2, bytes.size()));
  }
  return lines;
}

}  // namespace postern::replay
