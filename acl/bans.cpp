#include "acl/bans.hpp"

#include <algorithm>
#include <utility>

#include "acl/bounded_table.hpp"

namespace postern::acl {
namespace {

struct ProvenThenLong {
  static Worth worth(const Ban& ban, std::uint32_t /*idle_ticks*/, TimePoint now) { return worth_of(ban, now); }
  static Worth worth_of(const Ban& ban, TimePoint now) {
    if (ban.until <= now) return {-1, 0};
    return {ban.proof == Proof::proven ? 1 : 0, ban.until.time_since_epoch().count()};
  }
};

/// "For ever" must not wrap into the past.
TimePoint after(TimePoint now, Duration duration) { return duration < TimePoint::max() - now ? now + duration : TimePoint::max(); }

}  // namespace

struct BanTable::Impl {
  BoundedTable<Ban, ProvenThenLong> table;
  std::function<void(const Address&, const Ban&)> proven_changed;

  void tell(std::uint64_t key, const Ban& ban) const {
    if (proven_changed && ban.proof == Proof::proven) proven_changed(SourceKey(key).address(), ban);
  }

  /// The ban in force.
  Ban* active(std::uint64_t key, TimePoint now) {
    Ban* ban = table.find(key);
    return ban != nullptr && ban->until > now ? ban : nullptr;
  }
};

BanTable::BanTable(std::size_t capacity, std::uint64_t seed) : impl_(new Impl{{capacity, seed}, {}}) {}
BanTable::~BanTable() = default;
BanTable::BanTable(BanTable&&) noexcept = default;
BanTable& BanTable::operator=(BanTable&&) noexcept = default;

const Ban* BanTable::check(const Address& address, TimePoint now) { return impl_->active(SourceKey(address).value(), now); }

void BanTable::expect(const Address& address) { impl_->table.expect(SourceKey(address).value()); }
bool BanTable::expect_soon(const Address& address) { return impl_->table.expect_soon(SourceKey(address).value()); }
bool BanTable::expect_next(const Address& address) { return impl_->table.expect_next(SourceKey(address).value()); }

bool BanTable::add(const Address& address, Proof proof, Duration duration, std::uint16_t cause, TimePoint now, std::uint32_t strikes) {
  if (proof == Proof::unproven) duration = std::min<Duration>(duration, unproven_limit);
  if (duration <= Duration::zero()) return false;
  const std::uint64_t key = SourceKey(address).value();
  const Ban wanted{after(now, duration), now, strikes, cause, proof};

  Ban* ban = impl_->active(key, now);
  if (ban == nullptr) {
    impl_->table.erase(key);  // one that has ended
    const Worth ceiling = ProvenThenLong::worth_of(wanted, now);
    // Of two unproven the newer stays, whatever their ends: else a minute's flood of forged evidence would keep out all that follows.
    if (impl_->table.add(key, wanted, now, {ceiling.rank, Worth::most().order}) == nullptr) return false;
    impl_->tell(key, wanted);
    return true;
  }
  if (ban->proof == Proof::proven && proof == Proof::unproven) return false;
  if (ban->proof == proof && wanted.until <= ban->until) return false;
  *ban = {std::max(ban->until, wanted.until), ban->since, strikes, cause, proof, ban->heard_out};
  impl_->tell(key, *ban);
  return false;
}

void BanTable::hear_out(const Address& address, TimePoint now) {
  Ban* ban = impl_->active(SourceKey(address).value(), now);
  if (ban == nullptr) return;
  ban->heard_out = true;
  ban->settled = false;
}

void BanTable::restore(const Address& address, const Ban& ban, TimePoint now) {
  add(address, ban.proof, ban.until - now, ban.cause, now, ban.strikes);
  if (Ban* kept = impl_->active(SourceKey(address).value(), now)) kept->since = std::min(kept->since, ban.since);
}

std::optional<Ban> BanTable::remove(const Address& address, TimePoint now) {
  const std::uint64_t key = SourceKey(address).value();
  const Ban* ban = impl_->active(key, now);
  if (ban == nullptr) return std::nullopt;
  const Ban removed = *ban;
  impl_->table.erase(key);
  return removed;
}

void BanTable::tell_proven(std::function<void(const Address&, const Ban&)> changed) { impl_->proven_changed = std::move(changed); }

std::size_t BanTable::retell_proven(std::size_t place, std::size_t limit, TimePoint now) const {
  return impl_->table.visit(place, limit, [&](std::uint64_t key, const Ban& ban) {
    if (ban.until > now) impl_->tell(key, ban);
  });
}

std::size_t BanTable::each(std::size_t place, std::size_t limit, TimePoint now,
                           const std::function<void(const Address&, const Ban&)>& visit) const {
  return impl_->table.visit(place, limit, [&](std::uint64_t key, const Ban& ban) {
    if (ban.until > now) visit(SourceKey(key).address(), ban);
  });
}

void BanTable::expire(TimePoint now, std::size_t limit, const std::function<void(const Address&, const Ban&)>& ended) {
  impl_->table.sweep(limit, [&](std::uint64_t key, const Ban& ban) {
    if (ban.until > now) return false;
    ended(SourceKey(key).address(), ban);
    return true;
  });
}

std::size_t BanTable::size() const { return impl_->table.size(); }
std::uint64_t BanTable::evictions() const { return impl_->table.evictions(); }

}  // namespace postern::acl
