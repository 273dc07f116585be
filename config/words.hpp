// The words that a key of the schema may have: a text with a blank between each two.
#pragma once

#include <string_view>
#include <vector>

namespace postern::config {

/// One of `words`, as it stands there; empty if it is none.
std::string_view find_word(std::string_view words, std::string_view text);
std::vector<std::string_view> split_words(std::string_view words);

}  // namespace postern::config
