#include "acl/sources.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seed = 0x5eed;

Address forged(std::uint32_t i) { return Address::v4(0x0b000000U + i); }

/// Touches a stranger, whose first packet uses up its allowance; true: the table did not know it, or no longer.
bool is_new(SourceTable& table, const Address& source, TimePoint now) {
  return table.touch(source, now).unproven.take(RateLimit(Rate{.per_second = 0.001, .burst = 1}), now);
}

TEST(SourceTable, RemembersASource) {
  SourceTable table(1000, seed);
  EXPECT_FALSE(table.touch(address("192.0.2.1"), at(0s)).known(at(0s)));
  table.touch(address("192.0.2.1"), at(0s)).prolong_known(at(1h));
  EXPECT_TRUE(table.touch(address("::ffff:192.0.2.1"), at(1s)).known(at(1s)));
  EXPECT_TRUE(table.touch(address("192.0.2.1"), at(59min)).known(at(59min)));
  EXPECT_FALSE(table.touch(address("192.0.2.1"), at(1h)).known(at(1h)));
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
  EXPECT_TRUE(is_new(table, address("::1"), at(0s)));
  EXPECT_EQ(table.size(), 1U);
  EXPECT_FALSE(is_new(table, address("::2"), at(1s)));
  EXPECT_EQ(table.size(), 1U);
}

TEST(Source, RemembersThatItProvedItselfForAsLongAsACallMayBeSilent) {
  Source source;
  EXPECT_FALSE(source.proved_itself(at(0s)));
  source.prove(at(10s));
  EXPECT_TRUE(source.proved_itself(at(4h)));
  EXPECT_FALSE(source.proved_itself(at(4h + 10s)));
  EXPECT_FALSE(source.known(at(10s)));
}

TEST(SourceTable, GrowsWithUseWithoutForgetting) {
  SourceTable table(1'000'000, seed);
  EXPECT_LT(table.memory_bytes(), 10'000U);
  for (std::uint32_t i = 0; i < 100'000; ++i) table.touch(forged(i), at(0s)).prolong_known(at(std::chrono::seconds(i + 1)));
  EXPECT_LE(table.memory_bytes(), 131'072U * 2 * 48);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Source& source = table.touch(forged(i), at(1s));
    ASSERT_TRUE(source.known(at(std::chrono::seconds(i)))) << i;
    ASSERT_FALSE(source.known(at(std::chrono::seconds(i + 1)))) << i;
  }
  EXPECT_EQ(table.size(), 100'000U);
  EXPECT_EQ(table.evictions(), 0U);
}

TEST(SourceTable, AMillionSourcesFitIntoTheirBudget) {
  SourceTable table(1'000'000, seed);
  for (std::uint32_t i = 0; i < 1'000'000; ++i) table.touch(forged(i), at(0s));
  EXPECT_LT(table.memory_bytes(), 51'000'000U);
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
  EXPECT_LE(memory_at_bound, 131'072U * 48);
  EXPECT_LE(table.size(), 131'072U);
  EXPECT_EQ(table.size() + table.evictions(), 10'001'000U);
  for (const Address& source : known) ASSERT_TRUE(table.touch(source, at(12s)).known(at(12s))) << source.to_string();
}

TEST(SourceTable, AFullTableForgetsTheLongestIdle) {
  SourceTable table(8, seed);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_TRUE(is_new(table, forged(i), at(i * 1s)));
  EXPECT_FALSE(is_new(table, forged(0), at(10s)));
  EXPECT_TRUE(is_new(table, forged(100), at(11s)));
  EXPECT_EQ(table.size(), 8U);
  EXPECT_EQ(table.evictions(), 1U);
  EXPECT_FALSE(is_new(table, forged(0), at(12s)));
  EXPECT_FALSE(is_new(table, forged(2), at(12s)));
  EXPECT_TRUE(is_new(table, forged(1), at(12s)));
}

TEST(SourceTable, WhereAllAreKnownTheLongestIdleGoes) {
  SourceTable table(8, seed);
  for (std::uint32_t i = 0; i < 8; ++i) table.touch(forged(i), at(i * 1s)).prolong_known(at(1h));
  EXPECT_TRUE(is_new(table, forged(100), at(10s)));
  for (std::uint32_t i = 1; i < 8; ++i) EXPECT_TRUE(table.touch(forged(i), at(10s)).known(at(10s))) << i;
  EXPECT_FALSE(is_new(table, forged(100), at(11s)));
  EXPECT_EQ(table.evictions(), 1U) << "it was the first";
  // The stranger is now the one that goes, though it is the youngest.
  EXPECT_TRUE(is_new(table, forged(101), at(12s)));
  for (std::uint32_t i = 1; i < 8; ++i) EXPECT_TRUE(table.touch(forged(i), at(12s)).known(at(12s))) << i;
  EXPECT_EQ(table.evictions(), 2U);
  EXPECT_TRUE(is_new(table, forged(100), at(12s)));
}

TEST(SourceTable, WhatIsNoLongerKnownCanGo) {
  SourceTable table(8, seed);
  for (std::uint32_t i = 0; i < 8; ++i) table.touch(forged(i), at(i * 1s)).prolong_known(at(i == 5 ? 1min : 1h));
  EXPECT_TRUE(is_new(table, forged(100), at(2min)));
  for (const std::uint32_t i : {0U, 1U, 2U, 3U, 4U, 6U, 7U}) EXPECT_TRUE(table.touch(forged(i), at(2min)).known(at(2min))) << i;
  EXPECT_EQ(table.evictions(), 1U);
}

TEST(SourceTable, MovesWithItsContent) {
  SourceTable first(100, seed);
  EXPECT_TRUE(is_new(first, address("192.0.2.1"), at(0s)));
  SourceTable second(std::move(first));
  EXPECT_FALSE(is_new(second, address("192.0.2.1"), at(0s)));
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

TEST(AnswerCredit, IsThreeTimesWhatCame) {
  AnswerCredit credit;
  EXPECT_FALSE(credit.spend(1, at(0s)));
  credit.received(100, at(0s));
  EXPECT_FALSE(credit.spend(301, at(1s)));
  EXPECT_TRUE(credit.spend(200, at(1s)));
  EXPECT_TRUE(credit.spend(100, at(1s)));
  EXPECT_FALSE(credit.spend(1, at(1s)));
}

TEST(AnswerCredit, LastsAsLongAsACallMayRing) {
  for (const auto begin : {0s, 60s, 179s}) {
    AnswerCredit credit;
    credit.received(100, at(begin));
    EXPECT_TRUE(credit.spend(100, at(begin + 180s)));
    EXPECT_FALSE(credit.spend(1, at(begin + AnswerCredit::window))) << "nothing is owed any more";
  }
}

TEST(AnswerCredit, ASecondPacketProlongsItsOwnOnly) {
  AnswerCredit credit;
  credit.received(128, at(0s));
  credit.received(64, at(200s));
  EXPECT_TRUE(credit.spend(384, at(200s)));
  EXPECT_TRUE(credit.spend(192, at(380s)));
  EXPECT_FALSE(credit.spend(1, at(380s)));
}

TEST(AnswerCredit, DoesNotOverflow) {
  AnswerCredit credit;
  for (int i = 0; i < 100'000; ++i) credit.received(65'535, at(0s));
  EXPECT_TRUE(credit.spend(65'535, at(0s)));
}

}  // namespace
}  // namespace postern::acl
