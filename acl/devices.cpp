#include "acl/devices.hpp"

#include <algorithm>
#include <map>

namespace postern::acl {
namespace {

using Lengths = std::shared_ptr<const NetworkMap>;

/// Each list is compiled once.
class Compiler {
 public:
  std::vector<Lengths> compile(const std::vector<SharedNetworks>& lists) {
    std::vector<Lengths> compiled;
    for (const SharedNetworks& list : lists) {
      Lengths& known = known_[list.get()];
      if (!known) known = std::make_shared<const NetworkMap>(lengths_of(*list));
      compiled.push_back(known);
    }
    return compiled;
  }

 private:
  static std::vector<NetworkMap::Entry> lengths_of(const std::vector<Network>& networks) {
    std::vector<NetworkMap::Entry> entries;
    entries.reserve(networks.size());
    for (const Network& network : networks) entries.push_back({network, network.prefix_length()});
    return entries;
  }

  std::map<const std::vector<Network>*, Lengths> known_;
};

/// How long the prefix of the most specific network is that holds the address.
std::optional<std::uint32_t> longest(const std::vector<Lengths>& lists, const Address& address) {
  std::optional<std::uint32_t> longest;
  for (const Lengths& list : lists) longest = std::max(longest, list->find(address));
  return longest;
}

}  // namespace

std::variant<Devices, std::string> Devices::compile(const PolicyOptions& options) {
  Devices devices;
  Compiler compiler;
  for (const DeviceOptions& device : options.devices) {
    const std::size_t index = devices.entries_.size();
    devices.entries_.push_back({{"devices." + device.key, device.at},
                                compiler.compile(device.permit),
                                compiler.compile(device.deny),
                                device.listeners,
                                device.extension});
    const bool group = options.device_groups.contains(device.key);
    for (const std::string& member : members_of(device.key, options.device_groups)) {
      if (!is_shell_pattern(member)) {
        (group ? devices.members_ : devices.own_).try_emplace(member, index);
        continue;
      }
      auto pattern = ShellPattern::compile(member);
      if (!pattern) return "devices: the pattern '" + member + "' is too long";
      devices.patterns_.push_back({*std::move(pattern), index});
    }
  }
  return devices;
}

const Devices::Entry* Devices::find(std::string_view user) const {
  if (const auto own = own_.find(user); own != own_.end()) return &entries_[own->second];
  const auto member = members_.find(user);
  const std::size_t by_name = member == members_.end() ? entries_.size() : member->second;
  for (const Pattern& each : patterns_) {
    if (each.entry >= by_name) break;
    if (each.pattern.matches(user)) return &entries_[each.entry];
  }
  return by_name < entries_.size() ? &entries_[by_name] : nullptr;
}

std::optional<std::size_t> Devices::entry_of(std::string_view user) const {
  const Entry* entry = find(user);
  return entry == nullptr ? std::nullopt : std::optional(static_cast<std::size_t>(entry - entries_.data()));
}

bool Devices::Entry::admits(const Address& source) const {
  const auto permitted = longest(permit, source);
  const auto denied = longest(deny, source);
  if (denied && denied >= permitted) return false;
  return permitted || permit.empty();
}

bool Devices::Entry::takes(std::string_view listener) const {
  return listeners.empty() || std::ranges::find(listeners, listener) != listeners.end();
}

const Gate* Devices::refuses(std::string_view user, const Address& source, std::string_view listener) const {
  const Entry* entry = find(user);
  return entry == nullptr || (entry->admits(source) && entry->takes(listener)) ? nullptr : &entry->gate;
}

std::string_view Devices::extension_of(std::string_view user) const {
  const auto own = own_.find(user);
  return own == own_.end() || entries_[own->second].extension.empty() ? user : std::string_view(entries_[own->second].extension);
}

}  // namespace postern::acl
