#include "sbc/metrics.hpp"

#include <algorithm>

namespace postern::sbc {

void Histogram::observe(double seconds) {
  const auto at = std::ranges::lower_bound(bounds, seconds);
  ++buckets[static_cast<std::size_t>(at - bounds.begin())];
  sum += seconds;
}

}  // namespace postern::sbc
