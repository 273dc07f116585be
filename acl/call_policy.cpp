#include "acl/call_policy.hpp"

#include <algorithm>
#include <utility>

namespace postern::acl {

std::variant<CallPolicy, std::string> CallPolicy::compile(const CallOptions& options, const DeviceGroups& groups) {
  CallPolicy policy;
  policy.deny_status_ = options.deny_status;
  policy.gate_ = {"calls", options.at};
  if (options.classes.size() > most_classes) return "calls.classes: more than " + std::to_string(most_classes);
  std::vector<DialClasses::Entry> entries;
  for (const DialClassOptions& each : options.classes) {
    for (const std::string& text : each.patterns) {
      auto pattern = DialPattern::parse(text);
      if (const auto* error = std::get_if<std::string>(&pattern)) return "calls.classes." + each.name + ": '" + text + "': " + *error;
      entries.push_back({std::get<DialPattern>(std::move(pattern)), static_cast<Class>(policy.names_.size())});
    }
    policy.names_.push_back(each.name);
  }
  policy.classes_ = DialClasses(std::move(entries));
  for (const CallAllowance& allowance : options.allow) {
    if (std::string error = policy.add(allowance, groups); !error.empty()) return "calls.allow: " + error;
  }
  return policy;
}

std::string CallPolicy::add(const CallAllowance& allowance, const DeviceGroups& groups) {
  Entry entry;
  if (allowance.source) {
    std::vector<Network> networks;
    for (const SharedNetworks& each : *allowance.source) networks.insert(networks.end(), each->begin(), each->end());
    entry.source.emplace(networks);
  }
  if (!allowance.devices.empty()) {
    auto devices = DeviceSet::compile(allowance.devices, groups);
    if (const auto* error = std::get_if<std::string>(&devices)) return *error;
    entry.devices = std::get<DeviceSet>(std::move(devices));
  }
  entry.classes.resize(names_.size());
  for (const std::string& name : allowance.classes) {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) return "no class is named '" + name + "'";
    entry.classes[static_cast<std::size_t>(found - names_.begin())] = true;
  }
  entries_.push_back(std::move(entry));
  return {};
}

bool CallPolicy::allows(const Address& source, std::string_view device, std::optional<Class> number) const {
  return number && std::ranges::any_of(entries_, [&](const Entry& entry) {
           return entry.classes[*number] && !(entry.source && !entry.source->contains(source)) &&
                  !(entry.devices && !entry.devices->contains(device));
         });
}

}  // namespace postern::acl
