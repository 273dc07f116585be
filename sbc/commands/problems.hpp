// What is wrong with a configuration, for the operator.
#pragma once

#include <vector>

#include "config/load.hpp"

namespace postern::commands {

/// A line each, on stderr.
void print_problems(const std::vector<config::Problem>& problems);

}  // namespace postern::commands
