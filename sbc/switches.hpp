// What the operator decides at three in the morning (`postern bypass`, `lockdown`, `block`): each ends by itself.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/rate.hpp"

namespace postern::sbc {

/// A device that is kept out.
struct DeviceBlock {
  std::string device;     ///< its user name, as a PBX decodes it
  bool outgoing = false;  ///< only what it begins: calls and transfers
  acl::TimePoint until;
};

/// Immutable. A handful: they are gone through.
class Switches {
 public:
  Switches() = default;
  /// A time that is over: off.
  Switches(acl::TimePoint bypass_until, acl::TimePoint lockdown_until, std::vector<DeviceBlock> blocks)
      : bypass_until_(bypass_until), lockdown_until_(lockdown_until), blocks_(std::move(blocks)) {}

  /// Nobody is banned, and nothing is refused but by traps, blocks of devices, limits.pbx and for what cannot be forwarded.
  [[nodiscard]] bool bypass(acl::TimePoint now) const { return now < bypass_until_; }
  /// Only live registrations, trusted networks, trunks and emergency calls are served.
  [[nodiscard]] bool lockdown(acl::TimePoint now) const { return now < lockdown_until_; }
  [[nodiscard]] const std::vector<DeviceBlock>& blocks() const { return blocks_; }
  /// nullptr: it is not blocked.
  [[nodiscard]] const DeviceBlock* block_of(std::string_view device, acl::TimePoint now) const {
    const auto found = std::ranges::find_if(blocks_, [&](const DeviceBlock& block) { return block.device == device && now < block.until; });
    return found == blocks_.end() ? nullptr : &*found;
  }

 private:
  acl::TimePoint bypass_until_, lockdown_until_;
  std::vector<DeviceBlock> blocks_;
};

}  // namespace postern::sbc
