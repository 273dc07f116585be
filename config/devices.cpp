// The draft's devices and their groups -> acl's options.
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "acl/device_set.hpp"
#include "acl/shell_pattern.hpp"
#include "config/resolve.hpp"
#include "config/suggest.hpp"

namespace postern::config {
namespace {

void check_pattern(const Located<std::string>& key, Report& report) {
  if (acl::is_shell_pattern(key.value) && !acl::ShellPattern::compile(key.value))
    report.error(key.at, fmt::format("has more than {} characters beside its `*`", acl::ShellPattern::longest));
}

}  // namespace

void resolve_device_groups(Draft& draft, Report& report) {
  acl::DeviceGroups& groups = draft.config.policy.device_groups;
  for (const auto& [name, members] : draft.device_groups) {
    std::vector<std::string>& into = groups[name];
    for (const Located<std::string>& member : members) {
      check_pattern(member, report);
      if (draft.device_groups.contains(member.value) && member.value != name)
        report.warning(member.at,
                       fmt::format("is the user {}, not the group of that name: groups hold no groups", in_quotes(member.value)));
      into.push_back(member.value);
    }
  }
}

void note_device_key(const Located<std::string>& key, const Draft& draft, Resolved& resolved, Report& report) {
  check_pattern(key, report);
  if (draft.device_groups.contains(key.value)) {
    resolved.used_groups.insert(key.value);
    return;
  }
  if (acl::is_shell_pattern(key.value)) return;
  std::vector<std::string_view> names;
  for (const auto& [name, members] : draft.device_groups) names.push_back(name);
  const std::string meant = did_you_mean(key.value, names);
  if (!meant.empty())
    report.warning(key.at, fmt::format("no group is named {}, so this is the user of that name{}", in_quotes(key.value), meant));
}

}  // namespace postern::config
