// Why somebody is banned or silenced. The word is the label of postern_bans_total and postern_jail_strikes_total, the log's `reason`, what
// `postern bans list` shows, and what stands in the state folder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::sbc {

// clang-format off
// word                    what it means (also in docs/operations.md)
#define POSTERN_CAUSES(X)                                                                        \
  X(rule_ban,              "a rule with action ban")                                             \
  X(failed_authentication, "the PBX refused its credentials: jail.max_retry times")              \
  X(enumeration,           "tried user after user and succeeded with none: jail.unknown_users")  \
  X(malformed,             "broken messages: jail.malformed")                                    \
  X(refused_destination,   "asked again and again for what it may not call: jail.max_retry times") \
  X(flood,                 "went on and on over the limit of a source")                          \
  X(scanner_score,         "what speaks for a scanner came to jail.score.ban")                   \
  X(trap,                  "spoke to a trap: a listener or a user where nobody belongs")         \
  X(by_hand,               "the operator: postern bans add")
// clang-format on

enum class Cause : std::uint8_t {
#define X(word, help) word,
  POSTERN_CAUSES(X)
#undef X
};

struct CauseInfo {
  std::string_view word;
  std::string_view help;
};

inline constexpr std::array cause_table = {
#define X(word, help) CauseInfo{#word, help},
    POSTERN_CAUSES(X)
#undef X
};
inline constexpr std::size_t cause_count = cause_table.size();

inline constexpr std::string_view word_of(Cause cause) { return cause_table[static_cast<std::size_t>(cause)].word; }

/// nullopt: no word of ours.
inline constexpr std::optional<Cause> cause_of(std::string_view word) {
  for (std::size_t i = 0; i < cause_count; ++i) {
    if (cause_table.at(i).word == word) return static_cast<Cause>(i);
  }
  return std::nullopt;
}

}  // namespace postern::sbc
