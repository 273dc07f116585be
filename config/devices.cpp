// The draft's devices and their groups -> acl's options.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "acl/device_set.hpp"
#include "acl/shell_pattern.hpp"
#include "config/resolve.hpp"
#include "config/suggest.hpp"

namespace postern::config {
namespace {

void check_pattern(const Located<std::string>& key, Report& report) {
  if (acl::is_shell_pattern(key.value) && !acl::ShellPattern::compile(key.value)) report.error(key.at, too_long_a_pattern());
  doubt_pattern(key, report);
}

class DeviceResolver {
 public:
  DeviceResolver(Draft& draft, Resolved& resolved, Report& report) : draft_(draft), resolved_(resolved), report_(report) {
    for (const sbc::ListenerOptions& listener : draft.config.engine.listeners) listeners_.push_back(listener.name);
  }

  acl::DeviceOptions resolve(const DraftDevice& device) {
    note_device_key(device.key, draft_, resolved_, report_);
    const bool one = !acl::is_shell_pattern(device.key.value) && !draft_.device_groups.contains(device.key.value);
    if (!device.extension.empty() && !one)
      report_.error(device.key.at, "`extension` is of one device alone: a pattern or a group may be many");
    return {device.key.value,      networks(device.permit),
            networks(device.deny), listeners(device.listeners),
            device.extension,      {report_.file(), device.key.at.position.line}};
  }

 private:
  /// The same list for the same name or network, however many devices have it.
  std::vector<acl::SharedNetworks> networks(const std::vector<Located<NetworkRef>>& references) {
    std::vector<acl::SharedNetworks> lists;
    for (const Located<NetworkRef>& reference : references) {
      acl::SharedNetworks& known = known_[{reference.value.name, reference.value.network}];
      // An unknown name is reported wherever it stands.
      if (!known || known->empty()) known = std::make_shared<const std::vector<acl::Network>>(networks_of(reference, resolved_, report_));
      lists.push_back(known);
    }
    return lists;
  }

  std::vector<std::string> listeners(const std::vector<Located<std::string>>& names) {
    std::vector<std::string> out;
    for (const Located<std::string>& name : names) {
      if (std::ranges::find(listeners_, name.value) == listeners_.end() && !report_.full())
        report_.error(name.at, fmt::format("no listener is named {}{}", in_quotes(name.value), did_you_mean(name.value, listeners_)));
      out.push_back(name.value);
    }
    return out;
  }

  Draft& draft_;
  Resolved& resolved_;
  Report& report_;
  std::vector<std::string_view> listeners_;
  std::map<std::pair<std::string, acl::Network>, acl::SharedNetworks> known_;
};

std::vector<std::string> numbers_of(const std::vector<Located<std::string>>& located) {
  std::vector<std::string> numbers;
  numbers.reserve(located.size());
  for (const Located<std::string>& each : located) numbers.push_back(each.value);
  return numbers;
}

}  // namespace

void resolve_devices(Draft& draft, Resolved& resolved, Report& report) {
  DeviceResolver resolver(draft, resolved, report);
  for (const DraftDevice& device : draft.devices) draft.config.policy.devices.push_back(resolver.resolve(device));
}

void resolve_emergency(Draft& draft, const Report& report) {
  acl::PolicyOptions& policy = draft.config.policy;
  if (draft.emergency) policy.emergency = numbers_of(*draft.emergency);
  if (draft.emergency && !draft.emergency->empty()) policy.emergency_at = {report.file(), draft.emergency->front().at.position.line};
  if (draft.emergency_prefixes) policy.emergency_prefixes = numbers_of(*draft.emergency_prefixes);
}

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

void doubt_pattern(const Located<std::string>& key, Report& report) {
  // None of these stands in a user's name as it is written (RFC 3261 §25.1).
  if (key.value.find_first_of("[]^|\\{}@ ") != std::string::npos || key.value.starts_with("sip:") || key.value.starts_with("sips:")) {
    report.warning(key.at,
                   "is no user's name, so nobody is meant by it: of patterns there are `*` and `?` alone, and a user stands here without "
                   "`sip:` and without `@` and what is behind it");
    return;
  }
  const bool has_digit = key.value.find_first_of("0123456789") != std::string::npos;
  const bool has_letter = key.value.find_first_of("XZN") != std::string::npos;
  if (!has_letter || !has_digit || key.value.find_first_not_of("0123456789XZN.!*?") != std::string::npos) return;
  std::string meant = key.value;
  for (char& c : meant) {
    if (c == 'X' || c == 'Z' || c == 'N') c = '?';
    if (c == '.' || c == '!') c = '*';
  }
  report.warning(
      key.at, fmt::format("X, Z and N stand for themselves here, unlike in `calls`: any character is `?`, so write {}", in_quotes(meant)));
}

std::string too_long_a_pattern() { return fmt::format("has more than {} characters beside its `*`", acl::ShellPattern::longest); }

bool waits_for_a_name(const Draft& draft, const std::vector<Located<NetworkRef>>& references) {
  return std::ranges::any_of(references, [&draft](const Located<NetworkRef>& reference) {
    const auto network = draft.networks.find(reference.value.name);
    return network != draft.networks.end() &&
           std::ranges::any_of(network->second, [](const DraftNetwork& part) { return !part.host.empty(); });
  });
}

void note_device_key(const Located<std::string>& key, const Draft& draft, Resolved& resolved, Report& report) {
  check_pattern(key, report);
  if (draft.device_groups.contains(key.value)) {
    resolved.used_groups.insert(key.value);
    return;
  }
  if (acl::is_shell_pattern(key.value)) return;
  std::vector<std::string_view> names;
  names.reserve(draft.device_groups.size());
  for (const auto& [name, members] : draft.device_groups) names.push_back(name);
  const std::string meant = did_you_mean(key.value, names);
  if (!meant.empty())
    report.warning(key.at, fmt::format("no group is named {}, so this is the user of that name{}", in_quotes(key.value), meant));
}

}  // namespace postern::config
