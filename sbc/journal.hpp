// Keeps floods out of the log: each kind of event has an allowance, what is over it is counted and told in one line.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "acl/rate.hpp"
#include "sbc/event.hpp"

namespace postern::sbc {

class Journal {
 public:
  explicit Journal(EventSink& sink) : sink_(sink) {}

  /// Ask before an event is put together: true if it may be logged now; else it is counted as suppressed.
  bool admits(EventKind kind, Outcome reason, acl::TimePoint now);
  /// What admits() would say.
  [[nodiscard]] bool would_admit(EventKind kind, Outcome reason, acl::TimePoint now) const;
  void write(const Event& event) { sink_.on_event(event); }

  /// Tells what was suppressed, at most every ten seconds. Call it now and then.
  void summarise(acl::TimePoint now);
  [[nodiscard]] std::optional<acl::TimePoint> next_summary() const { return next_summary_; }

 private:
  static constexpr std::size_t kind_count = static_cast<std::size_t>(EventKind::suppressed);
  struct Allowance {
    acl::TokenBucket bucket;
    std::uint64_t suppressed = 0;
  };

  EventSink& sink_;
  std::array<std::array<Allowance, outcome_count>, kind_count> allowances_{};
  std::optional<acl::TimePoint> next_summary_;
};

}  // namespace postern::sbc
