// YAML text -> a tree that knows where each key and value stands. Bounded on hostile input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/located.hpp"

namespace postern::config {

struct YamlNode;
using NodePtr = std::shared_ptr<const YamlNode>;  ///< shared where an alias stands

/// A value; every scalar is text as written (`NO` is Norway, `0900` is no octal number).
struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  struct Entry {
    std::string key;
    Position at;
    NodePtr value;
  };

  Kind kind = Kind::null;
  Position at;
  std::string text;            ///< of a scalar
  std::vector<NodePtr> items;  ///< of a list
  std::vector<Entry> entries;  ///< of a map, in file order; each key once

  std::size_t weight = 1;  ///< nodes in it, aliases expanded
  std::size_t depth = 1;   ///< levels in it, aliases expanded
};

struct YamlLimits {
  static constexpr std::size_t file_bytes = std::size_t{1} << 20;
  static constexpr std::size_t flow_indicators = 200'000;  ///< yaml-cpp holds all tokens of an open `[` in memory
  static constexpr std::size_t nodes = 100'000;            ///< aliases expanded
  static constexpr std::size_t depth = 32;
};

/// The root of the only document; null if the text is no YAML that we take, which the report then says. Repeated keys are
/// reported and left out. Never throws.
NodePtr parse_yaml(std::string_view text, Report& report);

/// `path` with a key behind it.
std::string join_path(const std::string& path, std::string_view key);
/// `path` with an index behind it.
std::string join_path(const std::string& path, std::size_t index);

}  // namespace postern::config
