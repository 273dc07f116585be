#include "sbc/metrics.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace postern::sbc {

void Histogram::observe(double seconds, std::uint64_t times) {
  const auto at = std::ranges::lower_bound(bounds, seconds);
  buckets[static_cast<std::size_t>(at - bounds.begin())] += times;
  sum += seconds * static_cast<double>(times);
}

namespace {

void add(std::uint64_t& sum, std::uint64_t other) { sum += other; }

template <class T, std::size_t N>
void add(std::array<T, N>& sum, const std::array<T, N>& other) {
  for (std::size_t i = 0; i < N; ++i) add(sum[i], other[i]);
}

void add(Count& sum, const Count& other) { sum.count += other.count; }

/// All have the same rules, but at another time each when a reload is under way.
void add(RuleCounts& sum, const RuleCounts& other) {
  for (std::size_t i = 0; i < std::min(sum.size(), other.size()); ++i) {
    if (sum[i].rule == other[i].rule) sum[i].matches += other[i].matches;
  }
}

/// One that any of them finds dead is not well.
void add(PbxUps& sum, const PbxUps& other) {
  for (std::size_t i = 0; i < std::min(sum.size(), other.size()); ++i) {
    if (sum[i].address != other[i].address) continue;
    sum[i].up = sum[i].up && other[i].up;
    sum[i].heard = sum[i].heard || other[i].heard;
  }
}

}  // namespace

void add(Histogram& sum, const Histogram& other) {
  add(sum.buckets, other.buckets);
  sum.sum += other.sum;
}

void add(Metrics& sum, const Metrics& other) {
#define X(field, type, name, help) add(sum.field, other.field);
  POSTERN_METRICS(X)
#undef X
}

void add(Gauges& sum, const Gauges& other) {
#define X(field, name, help) sum.field += other.field;
  POSTERN_GAUGES(X)
#undef X
#define X(table) sum.evicted_##table += other.evicted_##table;
  POSTERN_BOUNDED_TABLES(X)
#undef X
}

void Metrics::count_responses(std::span<const Outgoing> sent) {
  for (const Outgoing& item : sent) {
    if (item.flow.side != Side::access || !item.is_response()) continue;
    std::size_t status = 0;
    std::from_chars(item.bytes.data() + Outgoing::response_start.size(), item.bytes.data() + item.bytes.size(), status);
    if (status < responses_sent.size()) ++responses_sent[status];
  }
}

}  // namespace postern::sbc
