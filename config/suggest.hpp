// "Did you mean": the word nearest to one that is not known.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace postern::config {

/// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other, without case; `limit` + 1 if there are more
/// or the second word is longer than 40 bytes.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// The nearest of the words, if one is near enough; empty otherwise. Bounded: looks at the first 300 words.
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);
/// `; did you mean "..."?`, or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> words);

/// The same for what is no duration ("1 day" -> "1d", "10" -> "10s") and for what is no rate ("5/min" -> "5/m", "50" -> "50/s").
std::string meant_duration(std::string_view text);
std::string meant_rate(std::string_view text);

}  // namespace postern::config
