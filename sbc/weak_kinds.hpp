// Which passwords are weak: what is tried against an accepted digest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::sbc {

// clang-format off
// word                   what is told of a password: "its password ..."
#define POSTERN_WEAK_KINDS(X)                                                \
  X(empty,                "is empty")                                        \
  X(user_name,            "is the user name")                                \
  X(extension,            "is the extension")                                \
  X(user_name_reversed,   "is the user name read backwards")                 \
  X(user_name_doubled,    "is the user name twice")                          \
  X(extension_reversed,   "is the extension read backwards")                 \
  X(extension_doubled,    "is the extension twice")                          \
  X(domain,               "is the domain or its first word")                 \
  X(digits,               "is a row of digits that everybody tries")         \
  X(common,               "is one of the most common passwords")
// clang-format on

enum class WeakKind : std::uint8_t {
#define X(word, meaning) word,
  POSTERN_WEAK_KINDS(X)
#undef X
};

struct WeakKindInfo {
  std::string_view word, meaning;
};
inline constexpr std::array weak_kind_table = {
#define X(word, meaning) WeakKindInfo{#word, meaning},
    POSTERN_WEAK_KINDS(X)
#undef X
};
inline constexpr std::size_t weak_kind_count = weak_kind_table.size();
inline constexpr const WeakKindInfo& info(WeakKind kind) { return weak_kind_table[static_cast<std::size_t>(kind)]; }
std::optional<WeakKind> weak_kind_of_word(std::string_view word);

/// A digest that the PBX has accepted, or whose account is known to be weak.
struct WatchedDigest {
  std::string username;   ///< whose password it is: the account
  std::string device;     ///< the user of To (of a REGISTER) or From
  std::string extension;  ///< of the device, where that is not its user; empty: none is known
  std::vector<std::string> domains;
  std::string realm, nonce, method, uri, qop, nc, cnonce, algorithm, response;

  static constexpr std::size_t longest_text = 512;  ///< a digest with a longer one is not looked at
};

/// Is it a digest whose response can be computed (DigestResponse)?
bool can_be_tried(const WatchedDigest& digest);
/// Which kind of weak password it was made with; nullopt: none of them, or it is none that can be computed. Some 300 hashes.
std::optional<WeakKind> weak_kind_of(const WatchedDigest& digest);
/// Was it made with a password of that kind? Two hashes for each password of the kind: one or a few, of `digits` and `common` up to a
/// hundred.
bool is_of_kind(const WatchedDigest& digest, WeakKind kind);

}  // namespace postern::sbc
