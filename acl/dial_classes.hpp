// Which class a dialled number is of: that of its most specific pattern over all classes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "acl/dial_pattern.hpp"

namespace postern::acl {

class DialClasses {
 public:
  using Class = std::uint16_t;

  struct Entry {
    DialPattern pattern;
    Class in = 0;
  };

  DialClasses() = default;
  /// Of equal patterns the first one's class counts (`check` lets none be in two).
  explicit DialClasses(std::vector<Entry> entries);

  /// `number` as DialledNumber has it; nullopt: no pattern matches, or it is empty: what could not be read is in no class, though `!` would
  /// take it. A tree of the patterns' places in the order of specificity, so that the first that is found is the one; patterns that cannot
  /// match are passed over by their first place that differs. Allocates nothing.
  [[nodiscard]] std::optional<Class> classify(std::string_view number) const;

 private:
  static constexpr std::uint32_t no_class = UINT32_MAX;

  /// The patterns that begin with the same places.
  struct Node {
    DialSet set;  ///< its last place
    std::uint32_t first_child = 0;
    std::uint32_t single_children = 0;  ///< those that take one character, in its order; they stand first
    std::uint32_t children = 0;
    std::array<std::uint32_t, 3> ends{no_class, no_class, no_class};  ///< by DialPattern::End: the class of what ends behind it
  };
  /// The patterns [begin, end) of those sorted belong below a node.
  struct Pending {
    std::size_t node, begin, end, depth;
  };

  void grow(const std::vector<Entry>& sorted, const Pending& pending, std::vector<Pending>& next);
  /// The first child from `from` on that takes the character; nullopt: none.
  [[nodiscard]] std::optional<std::uint32_t> child(const Node& node, std::uint32_t from, char c) const;
  /// The class of what ends at this node and matches, where so many characters are left.
  [[nodiscard]] static std::uint32_t ending(const Node& node, std::string_view left);

  std::vector<std::pair<std::string, Class>> numbers_;  ///< sorted: what is no pattern
  std::vector<Node> nodes_;                             ///< the first is the root; none: no patterns
};

}  // namespace postern::acl
