#include "acl/bounded_table.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <set>

#include "support.hpp"

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seed = 0x5eed;
constexpr std::size_t capacity = 65'536;

struct Busy {
  static Worth worth(std::uint64_t /*value*/, std::uint32_t idle_ticks, TimePoint /*now*/) { return {0, -std::int64_t{idle_ticks}}; }
};

/// A table with the keys 1, 2, 3...
class Numbers {
 public:
  void add() {
    ++last_;
    table_.add(last_, ~last_, at(0s), Worth::most());
  }
  [[nodiscard]] bool finds(std::uint64_t key) {
    const std::uint64_t* value = table_.find(key);
    return value != nullptr && *value == ~key;
  }
  [[nodiscard]] std::uint64_t last() const { return last_; }
  [[nodiscard]] std::size_t size() const { return table_.size(); }
  [[nodiscard]] bool overflowed_at_the_bound() const { return table_.evictions() > 0; }
  [[nodiscard]] std::size_t places() const {
    constexpr std::size_t one_set = 8;
    static const std::size_t set_bytes = Table(one_set, seed).memory_bytes();
    return table_.memory_bytes() / set_bytes * one_set;
  }
  /// How many are found in the first of their two sets.
  [[nodiscard]] std::size_t at_the_first_look() {
    std::size_t count = 0;
    for (std::uint64_t key = 1; key <= last_; ++key) {
      if (table_.expect_soon(key)) ++count;
    }
    return count;
  }

 private:
  using Table = BoundedTable<std::uint64_t, Busy>;
  Table table_{capacity, seed};
  std::uint64_t last_ = 0;
};

double share(std::size_t part, std::size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

TEST(BoundedTable, IsSevenTenthsFullBeforeASetOverflows) {
  constexpr std::size_t large = 1024;  // in a smaller one chance has more to say
  Numbers numbers;
  int overflows = 0;
  while (!numbers.overflowed_at_the_bound()) {
    const std::size_t size = numbers.size(), places = numbers.places();
    numbers.add();
    if (places < large || (numbers.places() == places && !numbers.overflowed_at_the_bound())) continue;
    ++overflows;
    EXPECT_GE(share(size, places), 0.6) << "of " << places;
  }
  EXPECT_EQ(numbers.places(), capacity);
  EXPECT_EQ(overflows, 7) << "each size from 1,024 to 65,536";
}

TEST(BoundedTable, FindsMostAtTheFirstLook) {
  Numbers numbers;
  while (numbers.last() < capacity * 6 / 10) numbers.add();
  ASSERT_EQ(numbers.places(), capacity);
  EXPECT_GE(share(numbers.at_the_first_look(), numbers.size()), 0.75);
  for (std::uint64_t key = 1; key <= numbers.last(); ++key) ASSERT_TRUE(numbers.finds(key)) << key;
  EXPECT_FALSE(numbers.finds(numbers.last() + 1));
}

TEST(BoundedTable, WhatStandsInItsSecondSetIsFoundAfterItGrew) {
  Numbers numbers;
  std::size_t in_their_second = 0;
  while (numbers.places() < capacity) {
    const std::size_t places = numbers.places();
    numbers.add();
    if (numbers.places() == places) continue;
    in_their_second += numbers.size() - numbers.at_the_first_look();
    ASSERT_EQ(numbers.size(), numbers.last());
    for (std::uint64_t key = 1; key <= numbers.last(); ++key) ASSERT_TRUE(numbers.finds(key)) << key << " of " << numbers.places();
  }
  EXPECT_GT(in_their_second, 0U);
}

/// A round goes on while others come in: what was there is met at least once, wherever it moves to.
TEST(BoundedTable, MeetsAllThatIsThereThoughItGrows) {
  constexpr std::uint64_t there = 3000;
  BoundedTable<std::uint64_t, Busy> table(capacity, seed);
  std::uint64_t last = 0;
  const auto add = [&](std::uint64_t count) {
    for (const std::uint64_t end = last + count; last < end;) table.add(++last, 0, at(0s), Worth::most());
  };
  add(there);
  std::set<std::uint64_t> met;
  std::size_t place = 0;
  do {
    place = table.visit(place, 64, [&](std::uint64_t key, std::uint64_t /*value*/) { met.insert(key); });
    if (last < capacity / 4) add(200);
  } while (place != 0);
  ASSERT_EQ(table.evictions(), 0U);
  ASSERT_GT(last, 4 * there) << "it grew meanwhile";
  for (std::uint64_t key = 1; key <= there; ++key) ASSERT_TRUE(met.contains(key)) << key;
}

}  // namespace
}  // namespace postern::acl
