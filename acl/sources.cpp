#include "acl/sources.hpp"

#include <algorithm>

#include "acl/bounded_table.hpp"

namespace postern::acl {
namespace {

struct KnownThenBusy {
  static Worth worth(const Source& source, std::uint32_t idle_ticks, TimePoint now) {
    return {source.known(now) ? 1 : 0, -std::int64_t{idle_ticks}};
  }
};

struct Busy {
  static Worth worth(const TokenBucket& /*bucket*/, std::uint32_t idle_ticks, TimePoint /*now*/) { return {0, -std::int64_t{idle_ticks}}; }
};

}  // namespace

void AnswerCredit::turn(TimePoint now) {
  const auto half = static_cast<std::uint16_t>(now.time_since_epoch() / (window / 2));
  if (half == half_) return;
  const bool next = half == static_cast<std::uint16_t>(half_ + 1);
  previous_ = next ? static_cast<std::uint16_t>(std::min<std::uint32_t>(UINT16_MAX, current_ / unit)) : std::uint16_t{0};
  current_ = 0;
  half_ = half;
}

void AnswerCredit::received(std::size_t bytes, TimePoint now) {
  turn(now);
  constexpr std::uint32_t most = std::uint32_t{1} << 30;
  current_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, current_ + std::uint64_t{bytes} * factor));
}

bool AnswerCredit::spend(std::size_t bytes, TimePoint now) {
  turn(now);
  if (bytes > std::uint64_t{current_} + std::uint64_t{previous_} * unit) return false;
  // What ends first is spent first.
  const std::size_t old_units = std::min<std::size_t>(previous_, (bytes + unit - 1) / unit);
  previous_ = static_cast<std::uint16_t>(previous_ - old_units);
  current_ -= static_cast<std::uint32_t>(bytes - std::min(bytes, old_units * unit));
  return true;
}

bool Source::known(TimePoint now) const { return seconds_of(now) < known_until_s_; }

// The second that has begun counts.
void Source::prolong_known(TimePoint until) {
  known_until_s_ = std::max(known_until_s_, seconds_of(until + std::chrono::milliseconds{999}));
}

bool Source::proved_itself(TimePoint now) const { return seconds_of(now) < proved_until_s_; }

void Source::prove(TimePoint now) { proved_until_s_ = seconds_of(now + remembered_proof); }

struct SourceTable::Impl {
  BoundedTable<Source, KnownThenBusy> table;
};

SourceTable::SourceTable(std::size_t capacity, std::uint64_t seed) : impl_(new Impl{{capacity, seed}}) {}
SourceTable::~SourceTable() = default;
SourceTable::SourceTable(SourceTable&&) noexcept = default;
SourceTable& SourceTable::operator=(SourceTable&&) noexcept = default;

Source& SourceTable::touch(const Address& address, TimePoint now) {
  const std::uint64_t key = SourceKey(address).value();
  if (Source* source = impl_->table.touch(key, now)) return *source;
  return *impl_->table.add(key, Source{}, now, Worth::most());
}

void SourceTable::expect(const Address& address) { impl_->table.expect(SourceKey(address).value()); }
void SourceTable::expect_soon(const Address& address) { impl_->table.expect_soon(SourceKey(address).value()); }

std::size_t SourceTable::each_known(std::size_t place, std::size_t limit, TimePoint now,
                                    const std::function<void(const Address&, const Source&)>& visit) const {
  return impl_->table.visit(place, limit, [&](std::uint64_t key, const Source& source) {
    if (source.known(now)) visit(SourceKey(key).address(), source);
  });
}

std::size_t SourceTable::size() const { return impl_->table.size(); }
std::uint64_t SourceTable::evictions() const { return impl_->table.evictions(); }
std::size_t SourceTable::memory_bytes() const { return impl_->table.memory_bytes(); }

struct MethodBuckets::Impl {
  [[nodiscard]] std::uint64_t key(const Address& address, std::uint8_t method, bool registered) const {
    return SourceKey(address).value() ^ method_hash(method | (registered ? std::uint64_t{1} << 32 : 0));
  }

  BoundedTable<TokenBucket, Busy> table;
  KeyedHash method_hash;  // a secret for each method: keys of two methods meet by chance alone, once in 2^64
};

MethodBuckets::MethodBuckets(std::size_t capacity, std::uint64_t seed) : impl_(new Impl{{capacity, seed}, KeyedHash(~seed)}) {}
MethodBuckets::~MethodBuckets() = default;
MethodBuckets::MethodBuckets(MethodBuckets&&) noexcept = default;
MethodBuckets& MethodBuckets::operator=(MethodBuckets&&) noexcept = default;

void MethodBuckets::expect(const Address& address, std::uint8_t method, bool registered) {
  impl_->table.expect(impl_->key(address, method, registered));
}

TokenBucket& MethodBuckets::touch(const Address& address, std::uint8_t method, bool registered, TimePoint now) {
  const std::uint64_t key = impl_->key(address, method, registered);
  if (TokenBucket* bucket = impl_->table.touch(key, now)) return *bucket;
  return *impl_->table.add(key, TokenBucket{}, now, Worth::most());
}

std::size_t MethodBuckets::size() const { return impl_->table.size(); }
std::uint64_t MethodBuckets::evictions() const { return impl_->table.evictions(); }

}  // namespace postern::acl
