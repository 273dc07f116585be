// The one hash table for all that strangers can fill.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "acl/fetch.hpp"
#include "acl/huge_pages.hpp"
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

/// Set-associative: a key may stand in two sets of eight. It goes into the first unless that gets full, then into the emptier one: a table
/// is seven tenths full before a set overflows, and of five keys four are found at the first look. Until the bound is reached an overflow
/// doubles the table, from then on it evicts: memory follows use and is flat at the bound, where a table that is filled to the last place
/// has lost some hundredths of its entries. `Judge::worth(const Value&, std::uint32_t idle_ticks, TimePoint now)` says who goes.
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
    return slot.set == nullptr ? nullptr : &slot.entry().value;
  }

  /// Somebody will ask for it in a while: where it most likely stands is fetched meanwhile.
  void expect(std::uint64_t key) { fetch(candidates(key).sets.front(), 1); }
  /// It was expected, and is asked for soon: the entry itself is fetched meanwhile, or its second set. False: it does not stand in its
  /// first.
  bool expect_soon(std::uint64_t key) {
    const Candidates places = candidates(key);
    if (fetch_from(*places.sets.front(), places.tag)) return true;
    fetch(places.sets.back(), 1);
    return false;
  }
  /// It does not stand in its first set, and is asked for next. False: nor in its second.
  bool expect_next(std::uint64_t key) {
    const Candidates places = candidates(key);
    return fetch_from(*places.sets.back(), places.tag);
  }

  /// As find(); the entry is no longer idle.
  [[nodiscard]] Value* touch(std::uint64_t key, TimePoint now) {
    const Slot slot = locate(key);
    if (slot.set == nullptr) return nullptr;
    slot.stamp() = stamp(now);
    return &slot.entry().value;
  }

  /// `key` must not be there. Evicts, if it has to, what is worth at most `ceiling`; nullptr if all is worth more.
  Value* add(std::uint64_t key, const Value& value, TimePoint now, Worth ceiling) {
    Candidates places = candidates(key);
    Slot slot = free_slot(places);
    while (slot.set == nullptr && sets_.size() < most_sets_) {
      grow();
      places = candidates(key);
      slot = free_slot(places);
    }
    if (slot.set == nullptr) {
      ++evictions_;
      slot = least_worthy(places, now, ceiling);
      if (slot.set == nullptr) return nullptr;
      --size_;
    }
    ++size_;
    slot.set_tag(places.tag);
    slot.stamp() = stamp(now);
    slot.entry() = {key, value};
    return &slot.entry().value;
  }

  bool erase(std::uint64_t key) {
    const Slot slot = locate(key);
    if (slot.set == nullptr) return false;
    slot.stamp() = 0;
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
      if (set.stamps[way] == 0 || !gone(set.entries[way].key, set.entries[way].value)) continue;
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
      const Entry& entry = set.entries[place % ways];
      if (set.stamps[place % ways] != 0) visit(entry.key, entry.value);
    }
    return place < places ? place : 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Entries that had to go, and newcomers for which nothing did.
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  [[nodiscard]] std::size_t memory_bytes() const { return sets_.capacity() * sizeof(Set); }

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::ptrdiff_t kept_free = 3;  ///< ways of a key's first set, while its second has more room
  static constexpr std::size_t first_sets = 8;
  static constexpr std::size_t tag_bits = 16;
  static constexpr std::size_t tags_a_word = 64 / tag_bits;

  struct Entry {
    std::uint64_t key = 0;
    Value value{};
  };
  struct Set {  // one cache line tells where a key may stand, another one or two hold it
    alignas(cache_line) std::array<std::uint64_t, ways / tags_a_word> tags{};  // of the keys' hashes, that of a lower way in lower bits
    std::array<std::uint32_t, ways> stamps{};                                  // when last used; 0: free
    alignas(cache_line) std::array<Entry, ways> entries{};
  };
  struct Slot {
    Set* set = nullptr;
    std::size_t way = 0;
    void set_tag(std::uint64_t tag) const {
      const std::size_t shift = way % tags_a_word * tag_bits;
      std::uint64_t& tags = set->tags[way / tags_a_word];
      tags = (tags & ~(std::uint64_t{UINT16_MAX} << shift)) | tag << shift;
    }
    [[nodiscard]] std::uint32_t& stamp() const { return set->stamps[way]; }
    [[nodiscard]] Entry& entry() const { return set->entries[way]; }
  };

  using Sets = std::vector<Set, HugePages<Set>>;

  /// Ticks of 67 ms wrap after nine years; differences are taken modulo that.
  static std::uint32_t stamp(TimePoint now) {
    const auto ticks = static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.time_since_epoch().count()) >> 26);
    return ticks == 0 ? 1 : ticks;
  }

  [[nodiscard]] std::size_t index(std::uint64_t half) const { return static_cast<std::size_t>(half & (sets_.size() - 1)); }

  struct Candidates {
    std::array<Set*, 2> sets;
    std::uint16_t tag;
  };

  [[nodiscard]] Candidates candidates(std::uint64_t key) {
    const std::uint64_t hash = hash_(key);
    return {{&sets_[index(hash & UINT32_MAX)], &sets_[index(hash >> 32)]}, tag_of(hash)};
  }
  /// Of bits that place nothing in a table of 65,536 sets or fewer.
  [[nodiscard]] static std::uint16_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint16_t>((hash >> 16 & 0xff) | (hash >> 40 & 0xff00));
  }

  [[nodiscard]] Slot locate(std::uint64_t key) {
    if (size_ == 0) return {};
    const Candidates places = candidates(key);
    const auto is_it = [key](const Entry& entry) { return entry.key == key; };
    const Slot slot = locate_in(*places.sets.front(), places.tag, is_it);
    return slot.set != nullptr ? slot : locate_in(*places.sets.back(), places.tag, is_it);
  }

  /// What most likely is the entry of that tag. False: there is none.
  static bool fetch_from(Set& set, std::uint16_t tag) {
    const Slot slot = locate_in(set, tag, [](const Entry& /*entry*/) { return true; });
    if (slot.set != nullptr) fetch(&slot.entry(), sizeof(Entry));
    return slot.set != nullptr;
  }

  /// The one of that tag for which `is_it(const Entry&)`.
  template <class Predicate>
  [[nodiscard]] static Slot locate_in(Set& set, std::uint16_t tag, Predicate is_it) {
    for (std::size_t word = 0; word < set.tags.size(); ++word) {
      for (std::uint64_t found = lanes_of(set.tags[word], tag); found != 0; found &= found - 1) {
        const std::size_t way = word * tags_a_word + static_cast<std::size_t>(std::countr_zero(found)) / tag_bits;
        if (set.stamps[way] != 0 && is_it(set.entries[way])) return {&set, way};
      }
    }
    return {};
  }

  /// The top bit of each lane that holds `tag`, and seldom of one above such a lane. Four are compared at once, since no processor foresees
  /// which way it will be.
  [[nodiscard]] static std::uint64_t lanes_of(std::uint64_t tags, std::uint16_t tag) {
    constexpr std::uint64_t ones = 0x0001'0001'0001'0001, tops = 0x8000'8000'8000'8000;
    const std::uint64_t differences = tags ^ (ones * tag);
    return (differences - ones) & ~differences & tops;
  }

  [[nodiscard]] static std::ptrdiff_t free_in(const Set& set) { return std::count(set.stamps.begin(), set.stamps.end(), 0U); }

  /// Of a set that may be full.
  [[nodiscard]] static Slot free_way(Set& set) {
    const auto free = std::find(set.stamps.begin(), set.stamps.end(), 0U);
    if (free == set.stamps.end()) return {};
    return {&set, static_cast<std::size_t>(free - set.stamps.begin())};
  }

  [[nodiscard]] static Slot free_slot(const Candidates& places) {
    Set& first = *places.sets.front();
    Set& second = *places.sets.back();
    const std::ptrdiff_t free = free_in(first);
    return free_way(free <= kept_free && free_in(second) > free ? second : first);
  }

  [[nodiscard]] static Slot least_worthy(const Candidates& places, TimePoint now, Worth ceiling) {
    Slot least;
    for (Set* set : places.sets) {
      for (std::size_t way = 0; way < ways; ++way) {
        const Worth worth = Judge::worth(set->entries[way].value, stamp(now) - set->stamps[way], now);
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
    Sets old(sets_.size() * 2);
    old.swap(sets_);
    for (std::size_t i = 0; i < old.size(); ++i) {
      for (std::size_t way = 0; way < ways; ++way) {
        if (old[i].stamps[way] == 0) continue;
        const std::uint64_t hash = hash_(old[i].entries[way].key);
        const bool by_first_half = (hash & UINT32_MAX & (old.size() - 1)) == i;
        Set& target = sets_[index(by_first_half ? hash & UINT32_MAX : hash >> 32)];
        move_to({&target, way}, {&old[i], way}, tag_of(hash));  // the way is free: only this set's entries come here
      }
    }
    move_to_first_sets();
  }

  /// What stands in its second set goes into its first where that has room now, and is no place that a round of visit() may have behind it.
  void move_to_first_sets() {
    for (Set& set : sets_) {
      for (std::size_t way = 0; way < ways; ++way) {
        if (set.stamps[way] == 0) continue;
        const Candidates places = candidates(set.entries[way].key);
        Set& first = *places.sets.front();
        if (&first <= &set || free_in(first) <= kept_free) continue;
        move_to(free_way(first), {&set, way}, places.tag);
        set.stamps[way] = 0;
      }
    }
  }

  static void move_to(const Slot& to, const Slot& from, std::uint16_t tag) {
    to.set_tag(tag);
    to.stamp() = from.stamp();
    to.entry() = from.entry();
  }

  KeyedHash hash_;
  std::size_t most_sets_;
  Sets sets_;
  std::size_t size_ = 0;
  std::size_t cursor_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace postern::acl
