// Token buckets (GCRA form: one time stamp a bucket).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace postern::acl {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::nanoseconds;

/// Whole seconds since the clock's epoch: what tables that strangers fill remember of a time.
inline std::uint32_t seconds_of(TimePoint time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

/// `per_second` tokens a second, at most `burst` saved up (less than one counts as one). Both are > 0; "no limit" is an absent Rate.
struct Rate {
  double per_second = 0;
  double burst = 0;
  bool operator==(const Rate&) const = default;
};

/// A Rate made ready for the packet path: integer nanoseconds only, at least one for each token. A default one never refuses.
class RateLimit {
 public:
  constexpr RateLimit() = default;
  explicit RateLimit(const Rate& rate);
  /// The same rate with `factor` times the allowance (rate and burst); factor >= 1.
  [[nodiscard]] RateLimit times(std::uint32_t factor) const;
  /// For the same bucket: leaves so many eighths of the burst to who asks with more of the limit, so that these are served first.
  [[nodiscard]] RateLimit leaving(std::int64_t eighths) const;
  /// How long one token takes to come back.
  [[nodiscard]] Duration interval() const { return Duration(emission_interval_ns_); }
  /// The same in the place of another that held until then, for buckets that both were asked with.
  [[nodiscard]] RateLimit since(TimePoint begin) const;

 private:
  friend class TokenBucket;
  std::int64_t emission_interval_ns_ = 0;
  std::int64_t burst_span_ns_ = 0;  ///< how long the part of the bucket that may be taken takes to fill
  std::int64_t fill_span_ns_ = 0;   ///< the same for the whole bucket
  std::int64_t since_ns_ = 0;
};

/// The state of one bucket. A default bucket is full. Time may stand still but not run backwards. Under another limit than before the time
/// that it needs to be full again stays what it was, but when that limit began it was no less than empty.
class TokenBucket {
 public:
  /// Takes one token; false (and nothing taken) if there is none.
  bool take(const RateLimit& limit, TimePoint now);
  /// Takes back a take() of this limit.
  void give_back(const RateLimit& limit) { theoretical_arrival_ns_ -= limit.emission_interval_ns_; }
  /// How long until take() can succeed; zero if it can now.
  [[nodiscard]] Duration wait(const RateLimit& limit, TimePoint now) const;

 private:
  /// How long until it is full.
  [[nodiscard]] std::int64_t backlog_ns(const RateLimit& limit, TimePoint now) const;

  std::int64_t theoretical_arrival_ns_ = INT64_MIN;
};

/// A bucket that several threads take from, each with the time as it last read it. Who is alone with it pays for no atomic exchange.
class SharedBucket {
 public:
  explicit SharedBucket(bool alone) : alone_(alone) {}

  bool take(const RateLimit& limit, TimePoint now);
  void give_back(const RateLimit& limit);

 private:
  /// `change(TokenBucket&)`: false leaves it as it is.
  template <class F>
  bool exchange(F change);

  std::atomic<TokenBucket> bucket_;
  bool alone_;
};

/// Tells those who were refused when there is room for them, one behind the other, so that they neither come back all at once nor leave
/// room unused. Threads may share it.
class Appointments {
 public:
  /// How long to wait for a place that takes so long to come free and that nobody else was told of; at least `soonest`. Beyond `latest` no
  /// count is kept: nullopt.
  std::optional<Duration> next(Duration takes, TimePoint now, Duration soonest, Duration latest);

 private:
  std::atomic<std::int64_t> last_ns_{0};  ///< when the last place that was given out is free
};

}  // namespace postern::acl
