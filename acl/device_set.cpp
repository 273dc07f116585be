#include "acl/device_set.hpp"

#include <algorithm>

namespace postern::acl {

bool is_shell_pattern(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

std::span<const std::string> members_of(const std::string& key, const DeviceGroups& groups) {
  const auto group = groups.find(key);
  return group == groups.end() ? std::span(&key, 1) : std::span(group->second);
}

std::variant<DeviceSet, std::string> DeviceSet::compile(std::span<const std::string> keys, const DeviceGroups& groups) {
  DeviceSet set;
  for (const std::string& key : keys) {
    for (const std::string& member : members_of(key, groups)) {
      if (!is_shell_pattern(member)) {
        set.names_.insert(member);
        continue;
      }
      auto pattern = ShellPattern::compile(member);
      if (!pattern) return "the pattern '" + member + "' is too long";
      set.patterns_.push_back(*std::move(pattern));
    }
  }
  return set;
}

bool DeviceSet::contains(std::string_view user) const {
  return names_.contains(user) || std::ranges::any_of(patterns_, [&](const ShellPattern& pattern) { return pattern.matches(user); });
}

}  // namespace postern::acl
