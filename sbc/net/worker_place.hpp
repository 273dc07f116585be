// Which of the workers one is, and what that means for its sockets.
#pragma once

#include <cstdint>

#include "sbc/net/steering.hpp"

namespace postern::net {

struct WorkerPlace {
  std::uint16_t index = 0;
  Steering steering{1, 0};

  [[nodiscard]] bool alone() const { return steering.workers() == 1; }
  [[nodiscard]] bool is_last() const { return index + 1 == steering.workers(); }
};

/// Whom a listener's socket has its port together with.
struct PortSharing {
  bool beside = false;    ///< with sockets of this worker that share() theirs: one of the two is at the wildcard address
  bool in_group = false;  ///< with those of the other workers
  bool joins = false;     ///< of these the first is open already. That one takes the port as if it were alone: nobody else may have it
};

inline PortSharing sharing_of(const WorkerPlace& place, bool beside) { return {beside, !place.alone(), place.index > 0}; }

}  // namespace postern::net
