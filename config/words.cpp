#include "config/words.hpp"

#include <algorithm>

namespace postern::config {

std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> all;
  while (!words.empty()) {
    const std::size_t space = std::min(words.find(' '), words.size());
    all.push_back(words.substr(0, space));
    words.remove_prefix(std::min(space + 1, words.size()));
  }
  return all;
}

std::string_view find_word(std::string_view words, std::string_view text) {
  for (const std::string_view word : split_words(words))
    if (word == text) return word;
  return {};
}

}  // namespace postern::config
