#include "sbc/metrics.hpp"

#include <algorithm>

namespace postern::sbc {

void Histogram::observe(double seconds, std::uint64_t times) {
  const auto at = std::ranges::lower_bound(bounds, seconds);
  buckets[static_cast<std::size_t>(at - bounds.begin())] += times;
  sum += seconds * static_cast<double>(times);
}

}  // namespace postern::sbc
