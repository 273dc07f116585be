// Which connections there are, and which of them somebody still needs: what is for one that has ended goes nowhere (RFC 3261 §18.2.2,
// RFC 5626 §5.3).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "acl/rate.hpp"
#include "sbc/flow.hpp"

namespace postern::sbc {

/// Bounded by whoever accepts them. The ids are ours, so nobody chooses what collides.
class Connections {
 public:
  static constexpr std::chrono::hours call{4};  ///< an answered call keeps its connection as long as it may be silent

  void open(const Flow& flow) { needed_until_.try_emplace(flow.connection); }
  void close(const Flow& flow) { needed_until_.erase(flow.connection); }
  /// Over UDP there is nothing that could have ended, and the connection to the PBX is made again.
  [[nodiscard]] bool reach(const Flow& flow) const {
    return flow.side == Side::core || is_datagram(flow.transport) || needed_until_.contains(flow.connection);
  }
  /// A call goes over it: it is not to be closed for being idle until then.
  void need(const Flow& flow, acl::TimePoint until) {
    if (const auto found = needed_until_.find(flow.connection); found != needed_until_.end())
      found->second = std::max(found->second, until);
  }
  [[nodiscard]] bool needed(const Flow& flow, acl::TimePoint now) const {
    const auto found = needed_until_.find(flow.connection);
    return found != needed_until_.end() && now < found->second;
  }
  [[nodiscard]] std::size_t size() const { return needed_until_.size(); }

 private:
  std::unordered_map<std::uint64_t, acl::TimePoint> needed_until_;
};

}  // namespace postern::sbc
