#include "acl/rate.hpp"

#include <algorithm>
#include <cmath>

namespace postern::acl {
namespace {

// Two of these and a steady clock of 73 years still fit into 64 bits.
constexpr double longest_ns = static_cast<double>(std::int64_t{1} << 61);

std::int64_t clamped_ns(double nanoseconds) {
  if (!(nanoseconds < longest_ns)) return std::int64_t{1} << 61;  // NaN as well
  return std::max<std::int64_t>(1, std::llround(nanoseconds));
}

std::int64_t ns_of(TimePoint now) { return std::chrono::duration_cast<Duration>(now.time_since_epoch()).count(); }

}  // namespace

RateLimit::RateLimit(const Rate& rate)
    : emission_interval_ns_(clamped_ns(1e9 / rate.per_second)),
      burst_span_ns_(clamped_ns(static_cast<double>(emission_interval_ns_) * std::max(1.0, rate.burst))),
      fill_span_ns_(burst_span_ns_) {}

RateLimit RateLimit::times(std::uint32_t factor) const {
  // A burst `factor` times as large of tokens that cost `factor` times less spans the same time.
  RateLimit result = *this;
  if (emission_interval_ns_ > 0) result.emission_interval_ns_ = std::max<std::int64_t>(1, emission_interval_ns_ / std::max(1U, factor));
  return result;
}

RateLimit RateLimit::leaving(std::int64_t eighths) const {
  RateLimit result = *this;
  result.burst_span_ns_ = burst_span_ns_ / 8 * (8 - eighths) + emission_interval_ns_ / 8 * eighths;
  return result;
}

RateLimit RateLimit::since(TimePoint begin) const {
  RateLimit result = *this;
  result.since_ns_ = ns_of(begin);
  return result;
}

bool TokenBucket::take(const RateLimit& limit, TimePoint now) {
  if (limit.emission_interval_ns_ == 0) return true;
  // What an earlier limit left beyond the bounds of this one is forgotten: it would never end otherwise.
  theoretical_arrival_ns_ = ns_of(now) + backlog_ns(limit, now);
  if (wait(limit, now) > Duration::zero()) return false;
  theoretical_arrival_ns_ += limit.emission_interval_ns_;
  return true;
}

Duration TokenBucket::wait(const RateLimit& limit, TimePoint now) const {
  if (limit.emission_interval_ns_ == 0) return Duration::zero();
  return Duration(std::max<std::int64_t>(0, backlog_ns(limit, now) + limit.emission_interval_ns_ - limit.burst_span_ns_));
}

std::int64_t TokenBucket::backlog_ns(const RateLimit& limit, TimePoint now) const {
  const std::int64_t now_ns = ns_of(now);
  const std::int64_t backlog = std::max(theoretical_arrival_ns_, now_ns) - now_ns;
  if (backlog <= limit.fill_span_ns_) return backlog;
  // An earlier limit left it so, and nothing was taken since.
  return std::clamp<std::int64_t>(limit.since_ns_ + limit.fill_span_ns_ - now_ns, 0, limit.fill_span_ns_);
}

// Nothing else hangs on it, so no order is asked for.
template <class F>
bool SharedBucket::exchange(F change) {
  TokenBucket before = bucket_.load(std::memory_order_relaxed);
  while (true) {
    TokenBucket after = before;
    if (!change(after)) return false;
    if (alone_) {
      bucket_.store(after, std::memory_order_relaxed);
      return true;
    }
    if (bucket_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return true;
  }
}

bool SharedBucket::take(const RateLimit& limit, TimePoint now) {
  return exchange([&](TokenBucket& bucket) { return bucket.take(limit, now); });
}

void SharedBucket::give_back(const RateLimit& limit) {
  exchange([&](TokenBucket& bucket) {
    bucket.give_back(limit);
    return true;
  });
}

std::optional<Duration> Appointments::next(Duration takes, TimePoint now, Duration soonest, Duration latest) {
  const std::int64_t now_ns = ns_of(now);
  std::int64_t last = last_ns_.load(std::memory_order_relaxed);
  std::int64_t place = 0;
  do {
    place = std::max(last, now_ns + soonest.count()) + takes.count();
    if (place - now_ns > latest.count()) return std::nullopt;
  } while (!last_ns_.compare_exchange_weak(last, place, std::memory_order_relaxed));
  return Duration(place - now_ns);
}

}  // namespace postern::acl
