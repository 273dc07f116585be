// The operator's policy_tests, run through the engine as `explain` runs a packet.
#pragma once

#include "config/load.hpp"

namespace postern::commands {

/// Adds an error at each test of a good file whose verdict is another than it expects; with one, the result is no longer ok().
void run_policy_tests(config::LoadResult& loaded, const std::string& file);

}  // namespace postern::commands
