// Which digest responses have passed, and from whom: what comes again from somebody else is a replay.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "acl/bounded_table.hpp"
#include "acl/rate.hpp"

namespace postern::sbc {

/// One for all workers, and bounded: whoever captures credentials sends them from an address that another worker has. Only packets with
/// credentials ask it, so its lock holds up nobody else.
class DigestReplays {
 public:
  /// A response is remembered for `life`.
  DigestReplays(std::size_t capacity, std::uint64_t seed, std::chrono::seconds life) : life_(life), table_(capacity, seed) {}

  /// Whom that response has passed from; nullopt: from nobody.
  [[nodiscard]] std::optional<std::uint32_t> passed_from(std::uint64_t response, acl::TimePoint now) {
    const std::scoped_lock hold(lock_);
    const Passed* passed = table_.find(response);
    if (passed == nullptr || now - passed->at > life_) return std::nullopt;
    return passed->source;
  }

  /// The response passes, from this source; false: that of another source was first.
  bool pass(std::uint64_t response, std::uint32_t source, acl::TimePoint now) {
    const std::scoped_lock hold(lock_);
    latest_ = std::max(latest_, now);  // workers read the clock one after another
    if (Passed* passed = table_.touch(response, latest_)) {
      if (passed->source != source && now - passed->at <= life_) return false;
      *passed = {source, now};
    } else {
      table_.add(response, {source, now}, latest_, acl::Worth::most());
    }
    return true;
  }

  /// Takes out what is too old, among `limit` places.
  void expire(acl::TimePoint now, std::size_t limit) {
    const std::scoped_lock hold(lock_);
    table_.sweep(limit, [&](std::uint64_t /*response*/, const Passed& passed) { return now - passed.at > life_; });
  }
  [[nodiscard]] std::uint64_t evictions() const {
    const std::scoped_lock hold(lock_);
    return table_.evictions();
  }

 private:
  struct Passed {
    std::uint32_t source = 0;  ///< a keyed hash
    acl::TimePoint at;
  };
  struct Oldest {
    static acl::Worth worth(const Passed& /*passed*/, std::uint32_t idle_ticks, acl::TimePoint /*now*/) {
      return {0, -std::int64_t{idle_ticks}};
    }
  };

  mutable std::mutex lock_;
  std::chrono::seconds life_;
  acl::BoundedTable<Passed, Oldest> table_;
  acl::TimePoint latest_;
};

}  // namespace postern::sbc
