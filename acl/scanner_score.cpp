#include "acl/scanner_score.hpp"

#include <bit>
#include <numeric>

#include "acl/bounded_table.hpp"
#include "acl/keyed_hash.hpp"

namespace postern::acl {
namespace {

/// A set that remembers 64 hashes at most: its size is told exactly enough up to some forty.
using Filter = std::uint64_t;

struct Half {
  Filter users = 0, numbers = 0, calls = 0;
  std::uint32_t methods = 0;
  bool acknowledged = false;
};

struct Deeds {
  Half current, previous;
  std::uint32_t half = 0;             ///< the half window that `current` is of
  std::uint32_t succeeded_until = 0;  ///< the half window from which on it counts again

  void turn(std::uint32_t now) {
    if (now == half) return;
    previous = now == half + 1 ? current : Half{};
    current = {};
    half = now;
  }
};

struct Idle {
  static Worth worth(const Deeds& /*deeds*/, std::uint32_t idle_ticks, TimePoint /*now*/) { return {0, -std::int64_t{idle_ticks}}; }
};

constexpr std::uint32_t success_counts = 48;  // half windows: four hours, as long as a call may be silent

std::uint32_t half_of(TimePoint now) { return static_cast<std::uint32_t>(now.time_since_epoch() / (ScannerMemory::find_time / 2)); }

std::uint32_t count(Filter filter) { return static_cast<std::uint32_t>(std::popcount(filter)); }

/// What is beyond the first few, which honest callers come to.
std::uint32_t beyond(std::uint32_t number, std::uint32_t first, std::uint32_t points_each) {
  return number > first ? (number - first) * points_each : 0;
}

}  // namespace

std::uint32_t ScannerScore::sum() const { return std::accumulate(points_.begin(), points_.end(), std::uint32_t{0}); }

struct ScannerMemory::Impl {
  BoundedTable<Deeds, Idle> table;
  KeyedHash hash;
  std::uint64_t unproven = 0;  // what sets the keys of that apart

  [[nodiscard]] std::uint64_t key_of(const Address& source, bool proven) const {
    return SourceKey(source).value() ^ (proven ? 0 : unproven);
  }
  [[nodiscard]] Filter bit_of(std::string_view text) const { return text.empty() ? 0 : Filter{1} << (hash(text) % 64); }
};

ScannerMemory::ScannerMemory(std::size_t capacity, std::uint64_t seed)
    : impl_(new Impl{{capacity, seed}, KeyedHash(~seed), KeyedHash(~seed)(std::uint64_t{1})}) {}
ScannerMemory::~ScannerMemory() = default;
ScannerMemory::ScannerMemory(ScannerMemory&&) noexcept = default;
ScannerMemory& ScannerMemory::operator=(ScannerMemory&&) noexcept = default;

void ScannerMemory::judge(const Address& source, bool proven, const Deed& deed, ScannerScore& score, TimePoint now) {
  const std::uint64_t key = impl_->key_of(source, proven);
  const std::uint32_t half = half_of(now);
  Deeds* deeds = impl_->table.touch(key, now);
  if (deeds == nullptr) deeds = impl_->table.add(key, Deeds{}, now, Worth::most());
  deeds->turn(half);
  Half& current = deeds->current;
  current.users |= impl_->bit_of(deed.user);
  current.numbers |= impl_->bit_of(deed.number);
  current.calls |= impl_->bit_of(deed.call_id);
  current.methods |= std::uint32_t{1} << (deed.method % 32U);
  if (half < deeds->succeeded_until) return;
  const Half& before = deeds->previous;
  score.add(ScannerSign::many_users, beyond(count(current.users | before.users), 8, 3));
  score.add(ScannerSign::many_numbers, beyond(count(current.numbers | before.numbers), 8, 3));
  const bool acknowledged = current.acknowledged || before.acknowledged;
  score.add(ScannerSign::never_acked, acknowledged ? 0 : beyond(count(current.calls | before.calls), 5, 4));
  score.add(ScannerSign::many_methods, beyond(count(current.methods | before.methods), 4, 5));
}

void ScannerMemory::acknowledged(const Address& source, TimePoint now) {
  for (const bool proven : {false, true}) {
    Deeds* deeds = impl_->table.find(impl_->key_of(source, proven));
    if (deeds == nullptr) continue;
    deeds->turn(half_of(now));
    deeds->current.acknowledged = true;
  }
}

void ScannerMemory::succeeded(const Address& source, TimePoint now) {
  for (const bool proven : {false, true}) {
    if (Deeds* deeds = impl_->table.find(impl_->key_of(source, proven))) deeds->succeeded_until = half_of(now) + success_counts;
  }
}

std::size_t ScannerMemory::size() const { return impl_->table.size(); }
std::uint64_t ScannerMemory::evictions() const { return impl_->table.evictions(); }

}  // namespace postern::acl
