#include "tests/replay/script.hpp"

namespace postern::replay {
namespace {

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({++number, std::string(text.substr(0, end))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t") == std::string::npos; }

// Blank lines belong to a block if an indented line follows: a message's empty line before its body.
std::vector<Line> take_block(const std::vector<Line>& lines, std::size_t& at) {
  std::vector<Line> block;
  std::size_t kept = 0;
  for (; at < lines.size() && (is_blank(lines[at].text) || lines[at].text.starts_with("  ")); ++at) {
    block.push_back({lines[at].number, is_blank(lines[at].text) ? "" : lines[at].text.substr(2)});
    if (!block.back().text.empty()) kept = block.size();
  }
  block.resize(kept);
  return block;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Script read_script(std::string_view text) {
  Script script;
  const std::vector<Line> lines = lines_of(text);
  for (std::size_t at = 0; at < lines.size();) {
    const Line& line = lines[at++];
    if (is_blank(line.text) || line.text.starts_with('#')) continue;
    if (line.text.starts_with(' ')) throw Failure(line.number, "an indented line without a step above it");
    Step step{line, words_of(line.text), take_block(lines, at)};
    if (step.words.front() != "config") {
      script.steps.push_back(std::move(step));
      continue;
    }
    for (const Line& yaml : step.block) script.config += yaml.text + "\n";
  }
  if (script.config.empty()) throw Failure(1, "no config");
  return script;
}

}  // namespace postern::replay
