#include "acl/sources.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seed = 0x5eed;

Address forged(std::uint32_t i) { return Address::v4(0x0b000000U + i); }

TEST(SourceTable, RemembersASource) {
  SourceTable table(1000, seed);
  EXPECT_EQ(table.find(address("192.0.2.1")), nullptr);
  table.touch(address("192.0.2.1"), at(0s)).prolong_known(at(1h));
  ASSERT_NE(table.find(address("192.0.2.1")), nullptr);
  EXPECT_TRUE(table.find(address("192.0.2.1"))->known(at(59min)));
  EXPECT_FALSE(table.find(address("192.0.2.1"))->known(at(1h)));
  EXPECT_TRUE(table.touch(address("::ffff:192.0.2.1"), at(1s)).known(at(1s)));
  EXPECT_EQ(table.find(address("192.0.2.2")), nullptr);
  EXPECT_EQ(table.size(), 1U);
}

TEST(SourceTable, ASlash64IsOneSource) {
  SourceTable table(1000, seed);
  table.touch(address("2001:db8:1:2::1"), at(0s)).prolong_known(at(1h));
  EXPECT_TRUE(table.touch(address("2001:db8:1:2:a:b:c:d"), at(1s)).known(at(1s)));
  EXPECT_FALSE(table.touch(address("2001:db8:1:3::1"), at(1s)).known(at(1s)));
  EXPECT_EQ(table.size(), 2U);
}

// The key of ::/64 is zero, which must not be taken for a free place.
TEST(SourceTable, TheZeroKeyIsAKeyLikeAnyOther) {
  SourceTable table(1000, seed);
  EXPECT_EQ(table.find(address("::1")), nullptr);
  table.touch(address("::1"), at(0s));
  EXPECT_NE(table.find(address("::2")), nullptr);
  EXPECT_EQ(table.size(), 1U);
}

TEST(SourceTable, GrowsWithUseWithoutForgetting) {
  SourceTable table(1'000'000, seed);
  EXPECT_LT(table.memory_bytes(), 10'000U);
  for (std::uint32_t i = 0; i < 100'000; ++i) table.touch(forged(i), at(0s)).prolong_known(at(Duration(i + 1)));
  EXPECT_EQ(table.size(), 100'000U);
  EXPECT_EQ(table.evictions(), 0U);
  EXPECT_LT(table.memory_bytes(), 100'000U * 40 * 3);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Source* source = table.find(forged(i));
    ASSERT_NE(source, nullptr) << i;
    ASSERT_TRUE(source->known(at(Duration(i))));
    ASSERT_FALSE(source->known(at(Duration(i + 1))));
  }
}

TEST(SourceTable, AMillionSourcesFitIntoTheirBudget) {
  SourceTable table(1'000'000, seed);
  for (std::uint32_t i = 0; i < 1'000'000; ++i) table.touch(forged(i), at(0s));
  EXPECT_LT(table.memory_bytes(), 45'000'000U);
  EXPECT_GT(table.size(), 970'000U);
}

TEST(SourceTable, TenMillionForgedSourcesNeitherGrowItNorPushOutAKnownOne) {
  SourceTable table(100'000, seed);
  std::vector<Address> known;
  for (std::uint32_t i = 0; i < 1000; ++i) known.push_back(Address::v4(0xc6336400U + i));
  for (const Address& source : known) table.touch(source, at(0s)).prolong_known(at(1h));

  std::size_t memory_at_bound = 0;
  for (std::uint32_t i = 0; i < 10'000'000; ++i) {
    table.touch(forged(i), at(1s + i * 1us));
    if (i == 1'000'000) memory_at_bound = table.memory_bytes();
  }
  EXPECT_EQ(table.memory_bytes(), memory_at_bound);
  EXPECT_LT(memory_at_bound, 131'072U * 40);
  EXPECT_LE(table.size(), 131'072U);
  EXPECT_EQ(table.size() + table.evictions(), 10'001'000U);
  for (const Address& source : known) {
    ASSERT_NE(table.find(source), nullptr) << source.to_string();
    ASSERT_TRUE(table.find(source)->known(at(12s)));
  }
}

TEST(SourceTable, AFullTableForgetsTheLongestIdle) {
  SourceTable table(8, seed);
  for (std::uint32_t i = 0; i < 8; ++i) table.touch(forged(i), at(i * 1s));
  table.touch(forged(0), at(10s));
  table.touch(forged(100), at(11s));
  EXPECT_EQ(table.size(), 8U);
  EXPECT_EQ(table.evictions(), 1U);
  EXPECT_EQ(table.find(forged(1)), nullptr);
  EXPECT_NE(table.find(forged(0)), nullptr);
}

TEST(SourceTable, WhereAllAreKnownTheLongestIdleGoes) {
  SourceTable table(8, seed);
  for (std::uint32_t i = 0; i < 8; ++i) table.touch(forged(i), at(i * 1s)).prolong_known(at(1h));
  EXPECT_FALSE(table.touch(forged(100), at(10s)).known(at(10s)));
  EXPECT_EQ(table.find(forged(0)), nullptr);
  EXPECT_NE(table.find(forged(100)), nullptr);
  // The stranger is now the one that goes, though it is the youngest.
  table.touch(forged(101), at(11s));
  EXPECT_EQ(table.find(forged(100)), nullptr);
  EXPECT_NE(table.find(forged(1)), nullptr);
}

TEST(SourceTable, WhatIsNoLongerKnownCanGo) {
  SourceTable table(8, seed);
  for (std::uint32_t i = 0; i < 8; ++i) table.touch(forged(i), at(i * 1s)).prolong_known(at(i == 5 ? 1min : 1h));
  table.touch(forged(100), at(2min));
  EXPECT_EQ(table.find(forged(5)), nullptr);
  EXPECT_NE(table.find(forged(0)), nullptr);
}

TEST(SourceTable, MovesWithItsContent) {
  SourceTable first(100, seed);
  first.touch(address("192.0.2.1"), at(0s));
  SourceTable second(std::move(first));
  EXPECT_NE(second.find(address("192.0.2.1")), nullptr);
}

TEST(MethodBuckets, KeepsABucketForEachSourceAndMethod) {
  MethodBuckets buckets(1000, seed);
  const RateLimit one(Rate{1, 1});
  EXPECT_TRUE(buckets.touch(address("192.0.2.1"), 1, false, at(0s)).take(one, at(0s)));
  EXPECT_FALSE(buckets.touch(address("192.0.2.1"), 1, false, at(0s)).take(one, at(0s)));
  EXPECT_TRUE(buckets.touch(address("192.0.2.1"), 2, false, at(0s)).take(one, at(0s)));
  EXPECT_TRUE(buckets.touch(address("192.0.2.2"), 1, false, at(0s)).take(one, at(0s)));
  EXPECT_EQ(buckets.size(), 3U);
  EXPECT_TRUE(buckets.touch(address("192.0.2.1"), 1, true, at(0s)).take(one, at(0s))) << "a registered device has its own";
}

TEST(MethodBuckets, IsBounded) {
  MethodBuckets buckets(1024, seed);
  for (std::uint32_t i = 0; i < 100'000; ++i) buckets.touch(forged(i), static_cast<std::uint8_t>(i % 14), false, at(i * 1ms));
  EXPECT_LE(buckets.size(), 1024U);
  EXPECT_EQ(buckets.size() + buckets.evictions(), 100'000U);
}

}  // namespace
}  // namespace postern::acl
