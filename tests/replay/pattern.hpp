// Expected lines: text with {captures}.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::replay {

/// What {names} stand for so far. {*} is never kept: it matches anything.
using Captures = std::map<std::string, std::string>;

/// Replaces {name} by what it stands for. Throws std::runtime_error for one that is not known.
std::string filled_in(std::string_view text, const Captures& captures);
/// Does `line` match `pattern` as a whole? New captures are added if it does.
bool matches(std::string_view pattern, std::string_view line, Captures& captures);

std::vector<std::string> lines_of_message(std::string_view bytes);

}  // namespace postern::replay
