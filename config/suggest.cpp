#include "config/suggest.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "config/located.hpp"

namespace postern::config {
namespace {

constexpr std::size_t longest_word = 40;
constexpr std::size_t most_words = 300;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// What firewalls and PBXs call it, and what it is called here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> synonyms{{{"deny", "drop"},
                                                                                  {"block", "drop"},
                                                                                  {"refuse", "reject"},
                                                                                  {"accept", "allow"},
                                                                                  {"permit", "allow"},
                                                                                  {"ua", "user_agent"},
                                                                                  {"agent", "user_agent"},
                                                                                  {"ua", "user_agents"},
                                                                                  {"src", "source"},
                                                                                  {"ip", "source"},
                                                                                  {"germany", "DE"},
                                                                                  {"england", "GB"},
                                                                                  {"australia", "AU"},
                                                                                  {"china", "CN"}}};

std::string_view synonym(std::string_view word, std::span<const std::string_view> words) {
  for (const auto& [theirs, ours] : synonyms)
    if (edit_distance(word, theirs, 0) == 0 && std::find(words.begin(), words.end(), ours) != words.end()) return ours;
  return {};
}

/// "5 min" -> "5" and "m". Empty if it does not read so.
std::pair<std::string_view, std::string_view> count_and_unit(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> units{
      {{"days", "d"}, {"hours", "h"}, {"minutes", "m"}, {"seconds", "s"}, {"milliseconds", "ms"}}};
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  if (end == 0 || end > 9) return {};
  const std::string_view count = text.substr(0, end);
  std::string_view unit = text.substr(end);
  unit.remove_prefix(std::min(unit.find_first_not_of(" /"), unit.size()));
  if (unit.empty()) return {count, "s"};
  for (const auto& [word, letter] : units)
    if (word.starts_with(unit)) return {count, letter};
  return {};
}

/// Long words may be misspelt more.
std::size_t tolerance(std::string_view word) { return word.size() <= 3 ? 1 : word.size() <= 8 ? 2 : 3; }

/// Four for each edit, and up to two more where the words do not begin alike: that decides between equals. Large if they have
/// nothing in common.
std::size_t dissimilarity(std::string_view word, std::string_view candidate) {
  constexpr std::size_t unlike = SIZE_MAX;
  // "warn" for "warning": cut short rather than misspelt.
  if (word.size() >= 3 && candidate.starts_with(word)) return 4;
  const std::size_t limit = tolerance(word);
  const std::size_t distance = edit_distance(word, candidate, limit);
  // A word of which nothing is left is no likeness.
  if (distance > limit || distance >= candidate.size()) return unlike;
  std::size_t alike = 0;
  while (alike < 2 && alike < word.size() && alike < candidate.size() && lower(word[alike]) == lower(candidate[alike])) ++alike;
  return 4 * distance + 2 - alike;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit) return limit + 1;
  // Three rows of the matrix of optimal string alignment.
  if (b.size() > longest_word) return limit + 1;
  std::array<std::size_t, longest_word + 1> before{};
  std::array<std::size_t, longest_word + 1> last{};
  std::array<std::size_t, longest_word + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    if (*std::min_element(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(b.size()) + 1) > limit) return limit + 1;
    before.swap(last);
    last.swap(row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> words) {
  if (word.empty() || word.size() > longest_word) return {};
  std::string_view best;
  std::size_t best_score = SIZE_MAX;
  for (const std::string_view candidate : words.first(std::min(words.size(), most_words))) {
    const std::size_t score = dissimilarity(word, candidate);
    if (score >= best_score) continue;
    best = candidate;
    best_score = score;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> words) {
  const std::string_view other = synonym(word, words);
  const std::string_view best = other.empty() ? nearest(word, words) : other;
  return best.empty() ? std::string() : "; did you mean " + in_quotes(best) + "?";
}

std::string meant_duration(std::string_view text) {
  const auto [count, unit] = count_and_unit(text);
  if (count.empty() || text.find('/') != std::string_view::npos) return {};
  return "; did you mean " + in_quotes(std::string(count) + std::string(unit)) + "?";
}

std::string meant_rate(std::string_view text) {
  const auto [count, unit] = count_and_unit(text);
  if (count.empty() || unit == "d" || unit == "ms") return {};
  return "; did you mean " + in_quotes(std::string(count) + "/" + std::string(unit)) + "?";
}

}  // namespace postern::config
