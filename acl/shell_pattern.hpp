// Shell patterns over user names.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace postern::acl {

/// `*` is any run of bytes, `?` any one byte, all else itself (with case). Matches the whole text in time linear in its
/// length whatever the pattern: an automaton whose states are the bits of one word.
class ShellPattern {
 public:
  static constexpr std::size_t longest = 63;  ///< characters besides `*`

  /// nullopt if the pattern is longer than `longest`.
  static std::optional<ShellPattern> compile(std::string_view pattern);
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  ShellPattern() = default;

  // Bit i of a state: the first i characters of the pattern have been matched.
  std::array<std::uint8_t, 256> slots_{};  // byte -> index into accepts_
  std::vector<std::uint64_t> accepts_;     // bit i: character i of the pattern accepts such a byte; [0] is for bytes that it does not name
  std::uint64_t stays_ = 0;                // bit i: a star follows the first i characters
  std::uint64_t end_ = 1;
};

}  // namespace postern::acl
