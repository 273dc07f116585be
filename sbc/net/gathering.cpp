#include "sbc/net/gathering.hpp"

#include <algorithm>
#include <thread>

namespace postern::net {

Gathering::Duration Gathering::after(std::size_t datagrams, acl::TimePoint begin, acl::TimePoint end) {
  if (begin - last_end_ > window) {  // it was quiet
    begin_window(begin);
    nap_ = {};
  }
  last_end_ = end;
  count_ += datagrams;
  ++turns_;
  busy_ += end - begin;
  if (end - window_begin_ < window) return nap_;
  nap_ = next_nap(std::chrono::duration<double>(end - window_begin_).count());
  begin_window(end);
  return nap_;
}

void Gathering::begin_window(acl::TimePoint begin) {
  window_begin_ = begin;
  busy_ = {};
  count_ = turns_ = 0;
}

Gathering::Duration Gathering::next_nap(double seconds) const {
  const double rate = static_cast<double>(count_) / seconds;
  const bool has_time = std::chrono::duration<double>(busy_).count() < most_busy * seconds;
  if (rate < from_rate || !has_time) return {};
  if (count_ >= full * turns_) return nap_ / 2;
  return std::min(longest, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(enough / rate)));
}

void rest(acl::Duration nap, bool alone) {
  if (!alone) {
    constexpr std::chrono::microseconds somebodys_turn{20};  // to come back at once takes less than one
    const acl::TimePoint begin = acl::Clock::now();
    std::this_thread::yield();
    if (acl::Clock::now() - begin >= somebodys_turn) return;
  }
  std::this_thread::sleep_for(nap);
}

}  // namespace postern::net
