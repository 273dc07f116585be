// So that a flood of bans does not flood a pager: of each kind one alert an interval, and how many more there were.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "sbc/net/alert.hpp"

namespace postern::net {

/// Of one thread. What goes out at once (Alert::goes_at_once()) is never held back.
class AlertThrottle {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most_subjects = 8;  ///< that are named of those that were held back

  /// From now on, for what is held back already, too.
  void set_interval(std::chrono::milliseconds interval) { interval_ = interval; }
  /// What goes out now; nullopt: it is held back.
  std::optional<Alert> admit(Alert alert, TimePoint now);
  /// Of each kind whose interval is over, the last that was held back, with how many others. A new interval begins with it.
  std::vector<Alert> due(TimePoint now);
  /// When there will be one; nullopt: nothing is held back.
  [[nodiscard]] std::optional<TimePoint> next() const;

 private:
  struct Kind {
    std::optional<TimePoint> sent;
    std::optional<Alert> held;  ///< the last one, with the others counted in it
  };

  std::chrono::milliseconds interval_{0};
  std::array<Kind, alert_kinds.size()> kinds_{};
};

}  // namespace postern::net
