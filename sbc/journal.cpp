#include "sbc/journal.hpp"

namespace postern::sbc {
namespace {

constexpr std::chrono::seconds summary_interval{10};

const acl::RateLimit& allowance() {
  static const acl::RateLimit limit{acl::Rate{.per_second = 5, .burst = 20}};
  return limit;
}

}  // namespace

bool Journal::admits(EventKind kind, Outcome reason, acl::TimePoint now) {
  Allowance& own = allowances_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(reason)];
  if (own.bucket.take(allowance(), now)) return true;
  ++own.suppressed;
  if (!next_summary_) next_summary_ = now + summary_interval;
  return false;
}

bool Journal::would_admit(EventKind kind, Outcome reason, acl::TimePoint now) const {
  const Allowance& own = allowances_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(reason)];
  return own.bucket.wait(allowance(), now) <= acl::Duration::zero();
}

void Journal::summarise(acl::TimePoint now) {
  if (!next_summary_ || now < *next_summary_) return;
  next_summary_.reset();
  for (std::size_t kind = 0; kind < kind_count; ++kind) {
    for (std::size_t reason = 0; reason < outcome_count; ++reason) {
      Allowance& own = allowances_[kind][reason];
      if (own.suppressed == 0) continue;
      Event event;
      event.kind = EventKind::suppressed;
      event.of = static_cast<EventKind>(kind);
      event.reason = static_cast<Outcome>(reason);
      event.count = own.suppressed;
      own.suppressed = 0;
      sink_.on_event(event);
    }
  }
}

}  // namespace postern::sbc
