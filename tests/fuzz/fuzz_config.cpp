// Any text as a configuration: problems, never a crash, an exception or a long wait.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A folder that is not there: what the text names must not be read from this machine.
  const postern::config::LoadResult result = postern::config::load_text(text, "fuzz.yaml", "/nonexistent");
  for (const postern::config::Problem& problem : result.problems) {
    if (problem.line < 1 || problem.column < 1 || problem.path.empty()) __builtin_trap();
  }
  return 0;
}
