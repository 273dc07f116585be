#include "sbc/net/gathering.hpp"

#include <algorithm>

namespace postern::net {

Gathering::Duration Gathering::after(std::size_t datagrams, acl::TimePoint begin, acl::TimePoint end) {
  if (begin - last_end_ > window) {  // it was quiet
    window_begin_ = begin;
    busy_ = nap_ = {};
    count_ = 0;
  }
  last_end_ = end;
  count_ += datagrams;
  busy_ += end - begin;
  const Duration passed = end - window_begin_;
  if (passed < window) return nap_;
  const double seconds = std::chrono::duration<double>(passed).count();
  const double rate = static_cast<double>(count_) / seconds;
  const bool has_time = std::chrono::duration<double>(busy_).count() < most_busy * seconds;
  const auto until_enough = std::chrono::duration<double>(enough / std::max(rate, from_rate));
  nap_ = rate >= from_rate && has_time ? std::min(longest, std::chrono::duration_cast<Duration>(until_enough)) : Duration::zero();
  window_begin_ = end;
  busy_ = {};
  count_ = 0;
  return nap_;
}

}  // namespace postern::net
