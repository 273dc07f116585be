#include "sbc/net/gathering.hpp"

#include <algorithm>
#include <thread>

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

void rest(acl::Duration nap) {
  constexpr std::chrono::microseconds somebodys_turn{20};  // to come back at once takes less than one
  const acl::TimePoint begin = acl::Clock::now();
  std::this_thread::yield();
  if (acl::Clock::now() - begin < somebodys_turn) std::this_thread::sleep_for(nap);
}

}  // namespace postern::net
