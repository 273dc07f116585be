// A set of devices: users by name, by shell pattern and by group.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "acl/options.hpp"
#include "acl/shell_pattern.hpp"
#include "acl/text_map.hpp"

namespace postern::acl {

/// Has it a * or ?, or is it a user's name?
[[nodiscard]] bool is_shell_pattern(std::string_view text);

/// The users and patterns that a key stands for: a group's members, or the key itself. Holds as long as both.
[[nodiscard]] std::span<const std::string> members_of(const std::string& key, const DeviceGroups& groups);

class DeviceSet {
 public:
  /// `keys`: each a user, a shell pattern or the name of one of `groups`. A text instead: which pattern is too long.
  static std::variant<DeviceSet, std::string> compile(std::span<const std::string> keys, const DeviceGroups& groups);

  /// `user`: escapes decoded. Names cost one look-up however many there are, patterns a pass over the user each. Allocates nothing.
  [[nodiscard]] bool contains(std::string_view user) const;

 private:
  TextSet names_;
  std::vector<ShellPattern> patterns_;
};

}  // namespace postern::acl
