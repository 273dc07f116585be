// A scenario file as steps: what stands where. README.md describes the format.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postern::replay {

/// A line of the file with its number, so that every failure can name it.
struct Line {
  int number = 0;
  std::string text;
};

/// One step: the line that says what to do, as words, and the indented lines below it (without their indentation).
struct Step {
  Line line;
  std::vector<std::string> words;
  std::vector<Line> block;
};

struct Script {
  std::string config;  ///< YAML
  std::vector<Step> steps;
};

/// A scenario that cannot be read, or whose expectation was not met.
struct Failure : std::runtime_error {
  Failure(int line_number, const std::string& message) : std::runtime_error(message), line(line_number) {}
  int line;
};

/// Throws Failure.
Script read_script(std::string_view text);
std::vector<std::string> words_of(std::string_view text);

}  // namespace postern::replay
