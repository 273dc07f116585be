// What devices have used of their limits: one table for all workers.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
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

  /// May one more go to the PBX? `source`: a hash of it. `reserve`: it counts as on its way from now on, until answered() or `on_its_way`.
  Answer ask(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, bool reserve, TimePoint now);
  /// The PBX has told what it makes of it. `reserved`: as it was asked. `taken`: it counts for the device.
  void answered(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, bool reserved, bool taken, TimePoint now);

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
  static constexpr std::chrono::seconds on_its_way{32};  // RFC 3261 timer B
  static constexpr std::chrono::minutes slot{5};

  struct Use {
    acl::TokenBucket bucket;
    std::array<std::uint16_t, 12> slots{};  ///< calls of the last hour, by the five minutes that they were in
    std::int64_t newest_slot = 0;
    std::uint32_t calls = 0;  ///< at the same time
    std::uint32_t pending = 0;
    TimePoint pending_until;
  };
  struct Idle {
    static acl::Worth worth(const Use& use, std::uint32_t idle_ticks, TimePoint /*now*/) {
      return {use.calls > 0 ? 1 : 0, -std::int64_t{idle_ticks}};
    }
  };

  [[nodiscard]] std::uint64_t of_source(std::uint64_t device, std::uint64_t source) const { return hash_(device ^ hash_(source)); }
  Use& use_of(std::uint64_t key, TimePoint now);
  static void turn_slots(Use& use, TimePoint now);
  [[nodiscard]] static std::size_t calls_in_hour(Use& use, TimePoint now);
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
