// Devices and emergency numbers that are valid one by one and are not what was meant.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "acl/device_set.hpp"
#include "acl/shell_pattern.hpp"
#include "config/checks.hpp"

namespace postern::config {
namespace {

constexpr std::size_t most_comparisons = 300'000;

/// Users that a pattern matches, its stars empty and longer than any pattern: what matches both matches all of them, but for patterns
/// that nobody writes.
std::array<std::string, 2> samples_of(std::string_view pattern) {
  std::array<std::string, 2> samples;
  for (const char c : pattern) {
    samples[0].append(c == '*' ? 0 : 1, c == '?' ? '\x01' : c);
    samples[1].append(c == '*' ? acl::ShellPattern::longest + 1 : 1, c == '?' || c == '*' ? '\x01' : c);
  }
  return samples;
}

class DeviceChecker {
 public:
  DeviceChecker(const Draft& draft, Report& report) : draft_(draft), policy_(draft.config.policy), report_(report) {
    for (const acl::DeviceOptions& device : policy_.devices)
      if (!acl::is_shell_pattern(device.key) && !policy_.device_groups.contains(device.key)) own_.insert(device.key);
  }

  void check() {
    for (std::size_t i = 0; i < policy_.devices.size() && !report_.full(); ++i) {
      check_reachable(i);
      check_networks(i);
    }
  }

 private:
  [[nodiscard]] const Where& where(std::size_t index) const { return draft_.devices[index].key.at; }

  void check_reachable(std::size_t index) {
    const acl::DeviceOptions& device = policy_.devices[index];
    const auto members = acl::members_of(device.key, policy_.device_groups);
    if (own_.contains(device.key)) return;
    std::optional<std::size_t> first;
    const bool hidden = std::ranges::all_of(members, [&](const std::string& member) {
      const auto before = hides(member);
      if (!first) first = before;
      return before.has_value();
    });
    if (hidden && first)
      report_.warning(where(index), fmt::format("can never match: {} in line {} decides first", in_quotes(policy_.devices[*first].key),
                                                policy_.devices[*first].at.line));
    for (const std::string& member : members) {
      if (!acl::is_shell_pattern(member)) {
        names_.try_emplace(member, index);
      } else if (auto pattern = acl::ShellPattern::compile(member)) {
        patterns_.push_back({*std::move(pattern), index});
      }
    }
  }

  /// The entry that decides for all that this member is.
  std::optional<std::size_t> hides(const std::string& member) {
    if (!acl::is_shell_pattern(member)) {
      if (own_.contains(member)) return entry_of(member);
      if (const auto found = names_.find(member); found != names_.end()) return found->second;
    }
    const std::array<std::string, 2> samples = samples_of(member);
    for (const auto& [pattern, entry] : patterns_) {
      if (++comparisons_ > most_comparisons) return std::nullopt;
      if (pattern.matches(samples[0]) && pattern.matches(samples[1])) return entry;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::size_t entry_of(const std::string& key) const {
    return static_cast<std::size_t>(std::ranges::find(policy_.devices, key, &acl::DeviceOptions::key) - policy_.devices.begin());
  }

  void check_networks(std::size_t index) {
    const DraftDevice& draft = draft_.devices[index];
    for (const Located<NetworkRef>& reference : draft.permit) {
      if (reference.value.name.empty() && reference.value.network.prefix_length() == 0)
        report_.warning(reference.at, "holds every address there is");
    }
    std::set<acl::Network> denied;
    std::size_t permitted = 0;
    for (const acl::SharedNetworks& list : policy_.devices[index].deny) denied.insert(list->begin(), list->end());
    const bool all = std::ranges::all_of(policy_.devices[index].permit, [&](const acl::SharedNetworks& list) {
      permitted += list->size();
      return std::ranges::all_of(*list, [&](const acl::Network& network) { return denied.contains(network); });
    });
    if (permitted > 0 && all) report_.warning(draft.permit.front().at, "nobody can be this device: whatever it permits it denies too");
  }

  const Draft& draft_;
  const acl::PolicyOptions& policy_;
  Report& report_;
  std::set<std::string_view> own_;
  std::map<std::string_view, std::size_t> names_;  ///< of the groups before
  std::vector<std::pair<acl::ShellPattern, std::size_t>> patterns_;
  std::size_t comparisons_ = 0;
};

void check_groups(const Draft& draft, const Resolved& resolved, Report& report) {
  for (const auto& [name, members] : draft.device_groups) {
    if (resolved.used_groups.contains(name)) continue;
    report.warning({members.front().at.position, "device_groups." + name},
                   "nothing names this group: no entry of `devices` or `calls.allow` is for it");
  }
}

}  // namespace

void check_devices(const Draft& draft, const Resolved& resolved, Report& report) {
  DeviceChecker(draft, report).check();
  check_groups(draft, resolved, report);
}

void check_traps(const Draft& draft, Report& report) {
  const acl::PolicyOptions& policy = draft.config.policy;
  std::vector<std::string> prefixes = policy.emergency_prefixes;
  prefixes.insert(prefixes.begin(), "");
  for (const Located<std::string>& trap : draft.trap_extensions) {
    const auto pattern = acl::ShellPattern::compile(trap.value);
    if (!pattern) {
      report.error(trap.at, too_long_a_pattern());
      continue;
    }
    doubt_pattern(trap, report);
    for (const acl::DeviceOptions& device : policy.devices) {
      if (!acl::is_shell_pattern(device.key) && pattern->matches(device.key))
        report.error(trap.at, fmt::format("holds {}, which has an entry in `devices` in line {}: it would be banned for registering",
                                          in_quotes(device.key), device.at.line));
    }
    for (const std::string& prefix : prefixes) {
      const auto found =
          std::ranges::find_if(policy.emergency, [&](const std::string& number) { return pattern->matches(prefix + number); });
      if (found == policy.emergency.end()) continue;
      report.error(trap.at, fmt::format("holds the emergency number {}: nobody who calls for help may be banned for it",
                                        in_quotes(prefix + *found)));
      break;
    }
  }
}

}  // namespace postern::config
