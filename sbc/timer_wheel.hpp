// Many timers, most of which never fire.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "acl/fetch.hpp"
#include "acl/rate.hpp"

namespace postern::sbc {

/// A hashed timing wheel: one list a tick of 10 ms and one bit that says whether the list is empty. Arming, cancelling and
/// taking a timer are O(1). Timers are small numbers that the caller gives out (memory follows the largest). A timer is in exactly one list
/// or in none, so that nothing stale is left behind that would have to be told apart by a generation.
class TimerWheel {
 public:
  using TimePoint = acl::TimePoint;
  static constexpr std::chrono::milliseconds tick{10};

  TimerWheel();

  /// It fires at the first whole tick at or after `deadline` (never early), or at once if that has passed. Moves it if it is armed.
  void arm(std::uint32_t timer, TimePoint deadline, TimePoint now);
  void cancel(std::uint32_t timer);
  [[nodiscard]] bool armed(std::uint32_t timer) const { return timer < nodes_.size() && nodes_[timer].slot != none; }

  /// It is going to be armed or cancelled.
  void expect(std::uint32_t timer) const {
    if (timer < nodes_.size()) acl::fetch(&nodes_[timer], sizeof(Node));
  }

  /// A timer that is due, no longer armed; nullopt: there is none. `now` never runs backwards.
  std::optional<std::uint32_t> take(TimePoint now);
  /// When take() will have something next. Never later than the earliest timer; earlier only for one that is
  /// further away than `slots` ticks.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::int64_t slots = 32'768;  // 327 s: every SIP timer is less than one turn away
  static constexpr std::size_t bits = 64;

  struct Node {
    std::int64_t due = 0;  ///< in ticks
    std::uint32_t slot = none;
    std::uint32_t next = none;
    std::uint32_t previous = none;
  };

  void link(std::uint32_t timer);
  void unlink(std::uint32_t timer);
  /// The first tick at or after cursor_ whose list is not empty; size_ > 0.
  [[nodiscard]] std::int64_t first_tick() const;

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> heads_;
  std::vector<std::uint64_t> occupied_;
  std::int64_t cursor_ = 0;  ///< all lists of earlier ticks are empty
  std::size_t size_ = 0;
};

}  // namespace postern::sbc
