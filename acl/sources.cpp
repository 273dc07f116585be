#include "acl/sources.hpp"

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

bool Source::known(TimePoint now) const { return std::chrono::duration_cast<Duration>(now.time_since_epoch()).count() < known_until_ns; }

void Source::prolong_known(TimePoint until) {
  known_until_ns = std::max(known_until_ns, std::chrono::duration_cast<Duration>(until.time_since_epoch()).count());
}

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

std::size_t SourceTable::size() const { return impl_->table.size(); }
std::uint64_t SourceTable::evictions() const { return impl_->table.evictions(); }
std::size_t SourceTable::memory_bytes() const { return impl_->table.memory_bytes(); }

struct MethodBuckets::Impl {
  BoundedTable<TokenBucket, Busy> table;
  KeyedHash method_hash;  // a secret for each method: keys of two methods meet by chance alone, once in 2^64
};

MethodBuckets::MethodBuckets(std::size_t capacity, std::uint64_t seed) : impl_(new Impl{{capacity, seed}, KeyedHash(~seed)}) {}
MethodBuckets::~MethodBuckets() = default;
MethodBuckets::MethodBuckets(MethodBuckets&&) noexcept = default;
MethodBuckets& MethodBuckets::operator=(MethodBuckets&&) noexcept = default;

TokenBucket& MethodBuckets::touch(const Address& address, std::uint8_t method, bool registered, TimePoint now) {
  const std::uint64_t key = SourceKey(address).value() ^ impl_->method_hash(method | (registered ? std::uint64_t{1} << 32 : 0));
  if (TokenBucket* bucket = impl_->table.touch(key, now)) return *bucket;
  return *impl_->table.add(key, TokenBucket{}, now, Worth::most());
}

std::size_t MethodBuckets::size() const { return impl_->table.size(); }
std::uint64_t MethodBuckets::evictions() const { return impl_->table.evictions(); }

}  // namespace postern::acl
