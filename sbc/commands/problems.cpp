#include "sbc/commands/problems.hpp"

#include <iostream>

namespace postern::commands {

void print_problems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) std::cerr << problem.to_string() << '\n';
}

}  // namespace postern::commands
