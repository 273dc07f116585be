// The one hash table for all that strangers can fill.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "acl/keyed_hash.hpp"
#include "acl/rate.hpp"

namespace postern::acl {

/// How much an entry deserves to stay; where there is no room the least goes.
struct Worth {
  std::int64_t rank = 0;
  std::int64_t order = 0;  ///< within the rank
  auto operator<=>(const Worth&) const = default;
  static constexpr Worth most() { return {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max()}; }
};

/// Set-associative: a key may stand in two sets of eight, and goes into the emptier one, so that a table is three quarters full before
/// a set overflows. Until the bound is reached an overflow doubles the table, from then on it evicts: memory follows use and is flat
/// at the bound, where a table that is filled to the last place has lost some hundredths of its entries.
/// `Judge::worth(const Value&, std::uint32_t idle_ticks, TimePoint now)` says who goes.
template <class Value, class Judge>
class BoundedTable {
 public:
  /// `capacity`: most entries, rounded up to a power of two (at least 8).
  BoundedTable(std::size_t capacity, std::uint64_t seed)
      : hash_(seed),
        most_sets_(std::bit_ceil((std::max<std::size_t>(capacity, 1) + ways - 1) / ways)),
        sets_(std::min(most_sets_, first_sets)) {}

  /// nullptr if there is none. Pointers hold until the next add().
  [[nodiscard]] Value* find(std::uint64_t key) {
    const Slot slot = locate(key);
    return slot.set == nullptr ? nullptr : &slot.set->values[slot.way];
  }

  /// Somebody will ask for it soon: the memory that this takes is fetched meanwhile.
  void prefetch(std::uint64_t key) {
    for (const Set* set : candidates(key)) {
      __builtin_prefetch(set->keys.data());
      __builtin_prefetch(set->stamps.data(), 1);
    }
  }

  /// As find(); the entry is no longer idle.
  [[nodiscard]] Value* touch(std::uint64_t key, TimePoint now) {
    const Slot slot = locate(key);
    if (slot.set == nullptr) return nullptr;
    slot.set->stamps[slot.way] = stamp(now);
    return &slot.set->values[slot.way];
  }

  /// `key` must not be there. Evicts, if it has to, what is worth at most `ceiling`; nullptr if all is worth more.
  Value* add(std::uint64_t key, const Value& value, TimePoint now, Worth ceiling) {
    Candidates sets = candidates(key);
    Slot slot = free_slot(sets);
    while (slot.set == nullptr && sets_.size() < most_sets_) {
      grow();
      sets = candidates(key);
      slot = free_slot(sets);
    }
    if (slot.set == nullptr) {
      ++evictions_;
      slot = least_worthy(sets, now, ceiling);
      if (slot.set == nullptr) return nullptr;
      --size_;
    }
    ++size_;
    slot.set->keys[slot.way] = key;
    slot.set->stamps[slot.way] = stamp(now);
    slot.set->values[slot.way] = value;
    return &slot.set->values[slot.way];
  }

  bool erase(std::uint64_t key) {
    const Slot slot = locate(key);
    if (slot.set == nullptr) return false;
    slot.set->stamps[slot.way] = 0;
    --size_;
    return true;
  }

  /// Removes what `gone(key, value)` says; goes on where the last call stopped and looks at `limit` places.
  template <class Predicate>
  void sweep(std::size_t limit, Predicate gone) {
    const std::size_t places = sets_.size() * ways;
    for (limit = std::min(limit, places); limit > 0; --limit) {
      cursor_ = (cursor_ + 1) % places;
      Set& set = sets_[cursor_ / ways];
      const std::size_t way = cursor_ % ways;
      if (set.stamps[way] == 0 || !gone(set.keys[way], set.values[way])) continue;
      set.stamps[way] = 0;
      --size_;
    }
  }

  /// Calls `visit(key, value)` for what stands in `limit` places from `place` on; returns the next place, 0 after the last. What is there
  /// during all calls of a round is visited, even if the table grows meanwhile.
  template <class F>
  std::size_t visit(std::size_t place, std::size_t limit, F&& visit) const {
    const std::size_t places = sets_.size() * ways;
    for (; limit > 0 && place < places; --limit, ++place) {
      const Set& set = sets_[place / ways];
      if (set.stamps[place % ways] != 0) visit(set.keys[place % ways], set.values[place % ways]);
    }
    return place < places ? place : 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Entries that had to go, and newcomers for which nothing did.
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  [[nodiscard]] std::size_t memory_bytes() const { return sets_.capacity() * sizeof(Set); }

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t first_sets = 8;

  struct Set {  // keys first and together: most look-ups touch one cache line of each candidate
    std::array<std::uint64_t, ways> keys{};
    std::array<std::uint32_t, ways> stamps{};  // when last used; 0: free
    std::array<Value, ways> values{};
  };
  struct Slot {
    Set* set = nullptr;
    std::size_t way = 0;
  };

  /// Ticks of 67 ms wrap after nine years; differences are taken modulo that.
  static std::uint32_t stamp(TimePoint now) {
    const auto ticks = static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.time_since_epoch().count()) >> 26);
    return ticks == 0 ? 1 : ticks;
  }

  [[nodiscard]] std::size_t index(std::uint64_t half) const { return static_cast<std::size_t>(half & (sets_.size() - 1)); }

  using Candidates = std::array<Set*, 2>;

  [[nodiscard]] Candidates candidates(std::uint64_t key) {
    const std::uint64_t hash = hash_(key);
    return {&sets_[index(hash & UINT32_MAX)], &sets_[index(hash >> 32)]};
  }

  [[nodiscard]] Slot locate(std::uint64_t key) {
    for (Set* set : candidates(key)) {
      for (std::size_t way = 0; way < ways; ++way) {
        if (set->keys[way] == key && set->stamps[way] != 0) return {set, way};
      }
    }
    return {};
  }

  [[nodiscard]] static Slot free_slot(const Candidates& sets) {
    Slot best;
    std::ptrdiff_t most_free = 0;
    for (Set* set : sets) {
      const auto free = std::count(set->stamps.begin(), set->stamps.end(), 0U);
      if (free <= most_free) continue;
      most_free = free;
      best = {set, static_cast<std::size_t>(std::find(set->stamps.begin(), set->stamps.end(), 0U) - set->stamps.begin())};
    }
    return best;
  }

  [[nodiscard]] static Slot least_worthy(const Candidates& sets, TimePoint now, Worth ceiling) {
    Slot least;
    for (Set* set : sets) {
      for (std::size_t way = 0; way < ways; ++way) {
        const Worth worth = Judge::worth(set->values[way], stamp(now) - set->stamps[way], now);
        if (worth > ceiling) continue;
        ceiling = worth;
        least = {set, way};
      }
    }
    return least;
  }

  /// In one go: a set splits into itself and its twin in the new half, from front to back, so that the last doubling toward
  /// 1,000,000 sources costs some ten milliseconds, once in a process's life.
  void grow() {
    std::vector<Set> old(sets_.size() * 2);
    old.swap(sets_);
    for (std::size_t i = 0; i < old.size(); ++i) {
      for (std::size_t way = 0; way < ways; ++way) {
        if (old[i].stamps[way] == 0) continue;
        const std::uint64_t hash = hash_(old[i].keys[way]);
        const bool by_first_half = (hash & UINT32_MAX & (old.size() - 1)) == i;
        Set& target = sets_[index(by_first_half ? hash & UINT32_MAX : hash >> 32)];
        target.keys[way] = old[i].keys[way];  // the way is free: only this set's entries come here
        target.stamps[way] = old[i].stamps[way];
        target.values[way] = old[i].values[way];
      }
    }
  }

  KeyedHash hash_;
  std::size_t most_sets_;
  std::vector<Set> sets_;
  std::size_t size_ = 0;
  std::size_t cursor_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace postern::acl
