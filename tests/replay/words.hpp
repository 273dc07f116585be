// The words of a step, read.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "sbc/flow.hpp"

namespace postern::replay {

/// `line` is that of the scenario. All throw Failure if the word is none.
int number_of(const std::string& text, int line);
/// "192.0.2.1:5060", "[2001:db8::1]:5060".
sbc::Endpoint endpoint_of(const std::string& text, int line);
/// "500ms", "30s", "10m", "1h".
std::chrono::milliseconds duration_of(const std::string& text, int line);
/// Of sbc::outcome_table.
std::size_t outcome_index(const std::string& word, int line);

/// Bytes that are written with \r, \n, \0 and \x1f.
std::string unescaped(std::string_view text);
/// Bytes as they are shown where they are others than was expected.
std::string escaped(std::string_view bytes);

}  // namespace postern::replay
