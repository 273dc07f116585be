// What devices have used of their limits: one table for all workers.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <optional>
#include <string_view>

#include "acl/bounded_table.hpp"
#include "acl/keyed_hash.hpp"
#include "acl/rate.hpp"
#include "sip/method.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// What one device may do by one method. Absent: no limit.
struct DeviceAllowance {
  std::optional<acl::RateLimit> rate;
  std::optional<std::size_t> calls_per_hour;  ///< of INVITE alone, as the next
  std::optional<std::size_t> calls;           ///< at the same time
  [[nodiscard]] bool unlimited() const { return !rate && !calls_per_hour && !calls; }
};

/// How many there were lately, by the slots of time that they were in: what is older is forgotten, each slot by itself.
template <std::size_t Slots, std::int64_t SlotSeconds>
class RecentCount {
 public:
  /// One more, of `then`, which is no later than `now`; that never runs backwards.
  void add(TimePoint then, TimePoint now) {
    turn(now);
    std::uint16_t* count = find(then);
    if (count != nullptr && *count < UINT16_MAX) ++*count;
  }
  /// One of those of `then` does not count any more.
  void take_off(TimePoint then, TimePoint now) {
    turn(now);
    std::uint16_t* count = find(then);
    if (count != nullptr && *count > 0) --*count;
  }
  [[nodiscard]] std::size_t count(TimePoint now) {
    turn(now);
    return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
  }

 private:
  static std::int64_t slot_of(TimePoint time) { return time.time_since_epoch() / std::chrono::seconds{SlotSeconds}; }
  [[nodiscard]] std::uint16_t& at(std::int64_t slot) { return counts_[static_cast<std::size_t>(slot) % Slots]; }
  /// nullptr: it is forgotten.
  [[nodiscard]] std::uint16_t* find(TimePoint then) {
    const std::int64_t slot = std::min(slot_of(then), newest_);
    return slot > newest_ - static_cast<std::int64_t>(Slots) ? &at(slot) : nullptr;
  }
  void turn(TimePoint now) {
    const std::int64_t current = slot_of(now);
    for (std::int64_t passed = std::max(newest_ + 1, current - static_cast<std::int64_t>(Slots) + 1); passed <= current; ++passed)
      at(passed) = 0;
    newest_ = std::max(newest_, current);
  }

  std::array<std::uint16_t, Slots> counts_{};
  std::int64_t newest_ = 0;
};

/// A device's name and a request can be forged, and so can wrong credentials be sent in its name: only what the PBX takes is counted for
/// the device. What is on its way to the PBX is counted for the device and the source that it came from, so that many at once do not slip
/// through, and strangers hold up nobody but themselves. Its lock is taken by requests with credentials, of registered flows and of
/// trusted sources, and when a call begins or ends. Bounded; what has left the table is allowed.
class DeviceUse {
 public:
  DeviceUse(std::size_t capacity, std::uint64_t seed) : hash_(seed), table_(capacity, seed) {}

  enum class Answer : std::uint8_t { passes, over_rate, over_calls_per_hour, over_calls };

  /// A device's requests of one method. Never 0.
  [[nodiscard]] std::uint64_t key(std::string_view user, sip::Method method) const {
    return hash_(user, static_cast<std::uint64_t>(method) + 1) | 1;
  }

  /// May one more go to the PBX? `source`: a hash of it. `reserve`: it counts as on its way from now on, until answered() or, where nobody
  /// answers, for half a minute.
  Answer ask(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, bool reserve, TimePoint now);
  /// The PBX has told what it makes of it. `reserved`: when it was, as it was asked; nullopt: it was not. `taken`: it counts for the
  /// device.
  void answered(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, std::optional<TimePoint> reserved, bool taken,
                TimePoint now);

  /// A call is under way; 0: of no device that made it.
  void call_began(std::uint64_t device);
  void call_ended(std::uint64_t device);
  /// Of all devices and workers.
  [[nodiscard]] std::size_t calls() const {
    return static_cast<std::size_t>(std::max<std::int64_t>(calls_.load(std::memory_order_relaxed), 0));
  }

  [[nodiscard]] std::uint64_t evictions() const {
    const std::scoped_lock hold(lock_);
    return table_.evictions();
  }

 private:
  struct Use {
    acl::TokenBucket bucket;
    RecentCount<12, 300> in_hour;  ///< calls
    RecentCount<8, 4> on_its_way;  ///< RFC 3261 timer B: a request that is not heard of for longer has come to nothing
    std::uint32_t calls = 0;       ///< at the same time
  };
  struct Idle {
    static acl::Worth worth(const Use& use, std::uint32_t idle_ticks, TimePoint /*now*/) {
      return {use.calls > 0 ? 1 : 0, -std::int64_t{idle_ticks}};
    }
  };

  [[nodiscard]] std::uint64_t of_source(std::uint64_t device, std::uint64_t source) const { return hash_(device ^ hash_(source)); }
  Use& use_of(std::uint64_t key, TimePoint now);
  /// What the device itself has used up, with so many more of its own on their way.
  [[nodiscard]] static Answer judge(Use& use, std::size_t pending, const DeviceAllowance& allowance, TimePoint now);
  TimePoint no_earlier(TimePoint now) { return latest_ = std::max(latest_, now); }  // workers read the clock one after another

  mutable std::mutex lock_;
  acl::KeyedHash hash_;
  acl::BoundedTable<Use, Idle> table_;
  TimePoint latest_;
  std::atomic<std::int64_t> calls_{0};
};

}  // namespace postern::sbc
