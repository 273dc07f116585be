// What an operator did, where the YAML parser only knows what it did not find.
#pragma once

#include <string>
#include <string_view>

#include "config/located.hpp"

namespace postern::config {

/// The likely cause of a syntax error that was found at a position of the text; empty if none is seen. Linear in the text.
std::string syntax_hint(std::string_view text, Position at);
/// For a line such as `listeners:[udp://0.0.0.0:5060]`; empty for any other.
std::string missing_space_hint(std::string_view line);

}  // namespace postern::config
