#include "sbc/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace postern::sbc {
namespace {

std::int64_t ticks_down(acl::TimePoint at) {
  return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()) / TimerWheel::tick;
}

std::int64_t ticks_up(acl::TimePoint at) {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(at.time_since_epoch());
  return (whole + TimerWheel::tick - std::chrono::milliseconds{1}) / TimerWheel::tick;
}

}  // namespace

TimerWheel::TimerWheel() : heads_(slots, none), occupied_(slots / bits, 0) {}

void TimerWheel::arm(std::uint32_t timer, TimePoint deadline, TimePoint now) {
  if (timer >= nodes_.size()) nodes_.resize(std::max<std::size_t>(timer + std::size_t{1}, nodes_.size() * 2));
  cancel(timer);
  if (size_ == 0) cursor_ = std::max(cursor_, ticks_down(now));
  nodes_[timer].due = ticks_up(deadline);
  link(timer);
}

void TimerWheel::cancel(std::uint32_t timer) {
  if (armed(timer)) unlink(timer);
}

std::optional<std::uint32_t> TimerWheel::take(TimePoint now) {
  const std::int64_t last = ticks_down(now);
  while (size_ > 0) {
    const std::int64_t first = first_tick();
    if (first > last) break;
    cursor_ = first;
    const std::uint32_t timer = heads_[static_cast<std::size_t>(first % slots)];
    unlink(timer);
    if (nodes_[timer].due <= last) return timer;
    link(timer);  // it was more than a turn away
  }
  cursor_ = std::max(cursor_, last);
  return std::nullopt;
}

std::optional<acl::TimePoint> TimerWheel::next_deadline() const {
  if (size_ == 0) return std::nullopt;
  return TimePoint{first_tick() * tick};
}

void TimerWheel::link(std::uint32_t timer) {
  Node& node = nodes_[timer];
  const auto slot = static_cast<std::uint32_t>(std::clamp(node.due, cursor_, cursor_ + slots - 1) % slots);
  node.slot = slot;
  node.previous = none;
  node.next = heads_[slot];
  if (node.next != none) nodes_[node.next].previous = timer;
  heads_[slot] = timer;
  occupied_[slot / bits] |= std::uint64_t{1} << (slot % bits);
  ++size_;
}

void TimerWheel::unlink(std::uint32_t timer) {
  Node& node = nodes_[timer];
  if (node.next != none) nodes_[node.next].previous = node.previous;
  if (node.previous != none) {
    nodes_[node.previous].next = node.next;
  } else {
    heads_[node.slot] = node.next;
    if (node.next == none) occupied_[node.slot / bits] &= ~(std::uint64_t{1} << (node.slot % bits));
  }
  node.slot = none;
  --size_;
}

std::int64_t TimerWheel::first_tick() const {
  const auto start = static_cast<std::size_t>(cursor_ % slots);
  std::size_t word = start / bits;
  std::uint64_t found = occupied_[word] & (~std::uint64_t{0} << (start % bits));
  while (found == 0) {  // ends: size_ > 0, and the whole first word is looked at again after one turn
    word = (word + 1) % occupied_.size();
    found = occupied_[word];
  }
  const std::size_t slot = word * bits + static_cast<std::size_t>(std::countr_zero(found));
  const auto ahead = static_cast<std::int64_t>((slot + static_cast<std::size_t>(slots) - start) % static_cast<std::size_t>(slots));
  return cursor_ + ahead;
}

}  // namespace postern::sbc
