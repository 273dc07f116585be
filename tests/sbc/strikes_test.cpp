// What the jail remembers: counts within a time, accounts that were accepted, blocks, and accounts that are guessed.
#include "sbc/strikes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace postern::sbc {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const TimePoint start{hours{1000}};

acl::Address address(std::string_view text) { return acl::Address::parse(text).value_or(acl::Address()); }

class StrikesTest : public testing::Test {
 protected:
  std::array<std::uint8_t, 16> key_{1, 2, 3};
  Mac mac_{key_};
  Strikes strikes_{mac_, 7};
};

TEST(StrikeCount, BeginsAnewOnceItsTimeIsOver) {
  StrikeCount count;
  EXPECT_EQ(count.add(minutes{10}, start), 1U);
  EXPECT_EQ(count.add(minutes{10}, start + minutes{10}), 2U);
  EXPECT_EQ(count.add(minutes{10}, start + minutes{10} + seconds{1}), 1U) << "from the first on, as fail2ban counts";
}

TEST(DistinctUsers, ARepetitionIsNoOtherUser) {
  DistinctUsers users;
  for (int i = 0; i < 5; ++i) users.add(std::uint64_t{17} << 58U, minutes{10}, start);
  EXPECT_EQ(users.count(), 1U);
}

TEST_F(StrikesTest, ManyUsersAreToldApartNearEnough) {
  DistinctUsers users;
  for (int i = 0; i < 40; ++i) users.add(strikes_.account_key("user" + std::to_string(i)), minutes{10}, start);
  EXPECT_GT(users.count(), 28U);
  EXPECT_LT(users.count(), 55U);
  for (int i = 0; i < 4000; ++i) users.add(strikes_.account_key("user" + std::to_string(i)), minutes{10}, start);
  EXPECT_EQ(users.count(), DistinctUsers::most);
}

TEST_F(StrikesTest, AnAcceptedAccountIsRememberedForAMonthAndClearsWhatWasForged) {
  const acl::Address office = address("203.0.113.7");
  const std::uint64_t pair = strikes_.pair_of(office, "1001");
  PairStrikes& counted = strikes_.pair(pair, start);
  counted.silenced_until = start + minutes{1};
  for (StrikeCount& failed : counted.failed) failed.add(minutes{10}, start);
  for (SourceStrikes::Counts& counts : strikes_.source(office, start).by_proof) {
    counts.failed.add(minutes{10}, start);
    counts.tried.add(17, minutes{10}, start);
  }
  EXPECT_FALSE(strikes_.accepts_some(office, start));
  strikes_.accept(office, "1001", start);
  EXPECT_TRUE(strikes_.accepts_some(office, start));
  EXPECT_TRUE(strikes_.accepted(pair, start + Strikes::remembered_acceptance - seconds{1}));
  EXPECT_FALSE(strikes_.accepted(pair, start + Strikes::remembered_acceptance));
  EXPECT_FALSE(strikes_.accepted(strikes_.pair_of(office, "1002"), start));
  // What is proven stays, or who holds one account had new tries of others by each refresh of his.
  ASSERT_NE(strikes_.find_pair(pair), nullptr);
  EXPECT_EQ(strikes_.find_pair(pair)->failed[0].count, 0U);
  EXPECT_EQ(strikes_.find_pair(pair)->failed[1].count, 1U);
  EXPECT_EQ(strikes_.find_pair(pair)->silenced_until, TimePoint());
  const auto& by_proof = strikes_.source(office, start).by_proof;
  EXPECT_EQ(by_proof[0].failed.count, 0U);
  EXPECT_EQ(by_proof[1].failed.count, 1U);
  EXPECT_EQ(by_proof[1].tried.count(), 0U);
}

TEST_F(StrikesTest, AnIpv6SourceIsItsNetwork) {
  EXPECT_EQ(strikes_.pair_of(address("2001:db8::1"), "1001"), strikes_.pair_of(address("2001:db8::2"), "1001"));
  EXPECT_NE(strikes_.pair_of(address("2001:db8::1"), "1001"), strikes_.pair_of(address("2001:db8:0:1::1"), "1001"));
}

TEST_F(StrikesTest, BlocksEndAndAreToldOnce) {
  const acl::Address office = address("203.0.113.7");
  const std::uint64_t pair = strikes_.pair_of(office, "1001");
  EXPECT_TRUE(strikes_.block({office, "1001", start + hours{1}, start, Cause::failed_authentication, 5}, start));
  EXPECT_FALSE(strikes_.block({office, "1001", start + hours{2}, start + seconds{1}, Cause::failed_authentication, 6}, start));
  ASSERT_NE(strikes_.blocks.check(pair, start + minutes{90}), nullptr);
  EXPECT_EQ(strikes_.blocks.check(pair, start)->since, start);
  EXPECT_EQ(strikes_.blocks.check(pair, start + hours{2}), nullptr);
  std::vector<std::string> ended;
  for (int i = 0; i < 2; ++i)
    strikes_.blocks.expire(start + hours{2}, 10, [&](const AccountBlock& block) { ended.push_back(block.account); });
  EXPECT_EQ(ended, std::vector<std::string>{"1001"});
}

TEST(AccountBlocks, AreBoundedAndListedBySlices) {
  AccountBlocks blocks(3);
  for (std::uint64_t i = 0; i < 5; ++i) blocks.add(i, {address("192.0.2.1"), std::to_string(i), start + minutes{i + 1}, start});
  EXPECT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks.evictions(), 2U);
  std::vector<std::string> listed;
  TimePoint after = start;
  while (const auto last = blocks.each(after, 1, [&](const AccountBlock& block) { listed.push_back(block.account); })) after = *last;
  EXPECT_EQ(listed, (std::vector<std::string>{"2", "3", "4"}));
}

TEST_F(StrikesTest, OffencesAreRememberedForAsLongAsTheyCount) {
  strikes_.remember_offence(address("192.0.2.9"), 2, start + hours{1}, start);
  EXPECT_EQ(strikes_.offences(address("192.0.2.9"), start), 2U);
  EXPECT_EQ(strikes_.offences(address("192.0.2.9"), start + hours{1}), 0U);
  EXPECT_EQ(strikes_.offences(address("192.0.2.10"), start), 0U);
}

TEST(GuessedAccounts, AreTriedOnceAMinute) {
  GuessedAccounts guessed(3);
  for (std::uint32_t i = 0; i + 1 < GuessedAccounts::failures; ++i) guessed.failed(1, start);
  EXPECT_TRUE(guessed.may_try(1, start));
  EXPECT_TRUE(guessed.may_try(1, start));
  guessed.failed(1, start);
  EXPECT_TRUE(guessed.may_try(1, start)) << "one is left";
  EXPECT_FALSE(guessed.may_try(1, start + seconds{59}));
  EXPECT_TRUE(guessed.may_try(1, start + seconds{61}));
  EXPECT_TRUE(guessed.may_try(2, start)) << "another account";
  EXPECT_TRUE(guessed.may_try(1, start + GuessedAccounts::find_time + seconds{1}));
  EXPECT_TRUE(guessed.may_try(1, start + GuessedAccounts::find_time + seconds{1}));
}

}  // namespace
}  // namespace postern::sbc
