#include "acl/bans.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "support.hpp"

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seed = 0x5eed;

class Bans : public ::testing::Test {
 protected:
  bool add(const std::string& source, Proof proof, Duration duration, TimePoint now, std::uint16_t cause = 0) {
    return table_.add(address(source), proof, duration, cause, now);
  }
  bool banned(const std::string& source, TimePoint now) { return table_.check(address(source), now) != nullptr; }

  BanTable table_{1000, seed};
};

TEST_F(Bans, HoldUntilTheirEnd) {
  EXPECT_TRUE(add("192.0.2.1", Proof::proven, 1h, at(0s), 7));
  ASSERT_TRUE(banned("192.0.2.1", at(3599s)));
  const Ban* ban = table_.check(address("::ffff:192.0.2.1"), at(0s));
  EXPECT_EQ(ban->proof, Proof::proven);
  EXPECT_EQ(ban->until, at(1h));
  EXPECT_EQ(ban->cause, 7U);
  EXPECT_FALSE(banned("192.0.2.2", at(0s)));
  EXPECT_FALSE(banned("192.0.2.1", at(1h)));
  EXPECT_TRUE(add("192.0.2.1", Proof::proven, 1h, at(2h)));
}

TEST_F(Bans, TellBeforeTheyAreAskedWhomTheyMayHold) {
  EXPECT_FALSE(table_.expect_soon(address("192.0.2.1")));
  add("192.0.2.1", Proof::proven, 1h, at(0s));
  add("2001:db8::1", Proof::proven, 1h, at(0s));
  for (const char* banned : {"192.0.2.1", "2001:db8::2"}) {
    table_.expect(address(banned));
    EXPECT_TRUE(table_.expect_soon(address(banned))) << banned;
  }
  EXPECT_FALSE(table_.expect_soon(address("192.0.2.2")));
  EXPECT_FALSE(table_.expect_next(address("192.0.2.2")));
}

TEST_F(Bans, TellOfAllBeforeTheyAreAskedWhereThereAreMany) {
  constexpr std::uint32_t many = 600;
  const auto source = [](std::uint32_t i) { return Address::v4(0x0b000000U + i); };
  for (std::uint32_t i = 0; i < many; ++i) ASSERT_TRUE(table_.add(source(i), Proof::proven, 1h, 0, at(0s)));
  std::uint32_t at_the_first_look = 0;
  for (std::uint32_t i = 0; i < many; ++i) {
    if (table_.expect_soon(source(i))) {
      ++at_the_first_look;
    } else {
      ASSERT_TRUE(table_.expect_next(source(i))) << i;
    }
    ASSERT_NE(table_.check(source(i), at(1s)), nullptr) << i;
  }
  EXPECT_GE(at_the_first_look, many * 75 / 100);
  EXPECT_LT(at_the_first_look, many);
}

TEST_F(Bans, CoverAnIpv6Slash64) {
  add("2001:db8::1", Proof::proven, 1h, at(0s));
  EXPECT_TRUE(banned("2001:db8::ffff:1", at(0s)));
  EXPECT_FALSE(banned("2001:db8:0:1::1", at(0s)));
}

TEST_F(Bans, ProvenAreProlongedNeverShortened) {
  add("192.0.2.1", Proof::proven, 1h, at(0s), 1);
  EXPECT_FALSE(add("192.0.2.1", Proof::proven, 1min, at(0s), 2));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(0s))->until, at(1h));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(0s))->cause, 1U);
  EXPECT_FALSE(add("192.0.2.1", Proof::proven, 2h, at(0s), 3));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(0s))->until, at(2h));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(0s))->cause, 3U);
}

TEST_F(Bans, WhoIsHeardOutStaysSoWhileTheyLast) {
  add("192.0.2.1", Proof::unproven, 30s, at(0s));
  EXPECT_FALSE(table_.check(address("192.0.2.1"), at(0s))->heard_out);
  table_.hear_out(address("192.0.2.1"), at(0s));
  table_.hear_out(address("192.0.2.2"), at(0s));  // of whom there is none
  EXPECT_TRUE(table_.check(address("192.0.2.1"), at(0s))->heard_out);
  add("192.0.2.1", Proof::unproven, 30s, at(10s));
  EXPECT_TRUE(table_.check(address("192.0.2.1"), at(35s))->heard_out);
  add("192.0.2.1", Proof::unproven, 30s, at(50s));
  EXPECT_FALSE(table_.check(address("192.0.2.1"), at(50s))->heard_out);
  EXPECT_FALSE(banned("192.0.2.2", at(0s)));
}

TEST_F(Bans, WhatWasSettledLastsUntilSomebodyIsHeardOutOrThereIsNewEvidence) {
  const auto ban = [this](std::chrono::seconds when) { return table_.check(address("192.0.2.1"), at(when)); };
  add("192.0.2.1", Proof::unproven, 30s, at(0s));
  EXPECT_FALSE(ban(0s)->settled);
  ban(0s)->settled = true;
  EXPECT_TRUE(ban(1s)->settled);
  add("192.0.2.1", Proof::proven, 1h, at(1s));
  EXPECT_FALSE(ban(1s)->settled);
  ban(1s)->settled = true;
  table_.hear_out(address("192.0.2.1"), at(2s));
  EXPECT_FALSE(ban(2s)->settled);
}

TEST_F(Bans, UnprovenLastAMinuteAtMost) {
  EXPECT_TRUE(add("192.0.2.1", Proof::unproven, 24h, at(0s)));
  EXPECT_TRUE(banned("192.0.2.1", at(59s)));
  EXPECT_FALSE(banned("192.0.2.1", at(60s)));
  EXPECT_TRUE(add("192.0.2.1", Proof::unproven, 5s, at(100s)));
  EXPECT_FALSE(banned("192.0.2.1", at(105s)));
}

TEST_F(Bans, NewEvidenceRenewsAnUnprovenOne) {
  add("192.0.2.1", Proof::unproven, 1h, at(0s));
  EXPECT_FALSE(add("192.0.2.1", Proof::unproven, 1h, at(50s)));
  EXPECT_TRUE(banned("192.0.2.1", at(109s)));
  EXPECT_FALSE(add("192.0.2.1", Proof::unproven, 1s, at(60s)));
  EXPECT_TRUE(banned("192.0.2.1", at(109s))) << "never shortened";
  EXPECT_FALSE(banned("192.0.2.1", at(110s)));
}

TEST_F(Bans, CheckingDoesNotRenew) {
  add("192.0.2.1", Proof::unproven, 1h, at(0s));
  for (int second = 0; second < 60; ++second) EXPECT_TRUE(banned("192.0.2.1", at(second * 1s)));
  EXPECT_FALSE(banned("192.0.2.1", at(60s)));
}

TEST_F(Bans, UnprovenNeverTouchesAProvenOne) {
  add("192.0.2.1", Proof::proven, 30s, at(0s), 1);
  EXPECT_FALSE(add("192.0.2.1", Proof::unproven, 60s, at(10s), 2));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(10s))->proof, Proof::proven);
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(10s))->until, at(30s));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(10s))->cause, 1U);
}

TEST_F(Bans, ProofTurnsAnUnprovenOneIntoAProvenOne) {
  add("192.0.2.1", Proof::unproven, 60s, at(0s), 1);
  EXPECT_FALSE(add("192.0.2.1", Proof::proven, 10s, at(0s), 2));
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(0s))->proof, Proof::proven);
  EXPECT_EQ(table_.check(address("192.0.2.1"), at(0s))->until, at(60s));
}

TEST_F(Bans, CanBeForEverButNotForNoTime) {
  EXPECT_TRUE(add("192.0.2.1", Proof::proven, Duration::max(), at(0s)));
  EXPECT_TRUE(banned("192.0.2.1", at(24h * 3650)));
  EXPECT_FALSE(add("192.0.2.2", Proof::proven, 0s, at(0s)));
  EXPECT_FALSE(banned("192.0.2.2", at(0s)));
}

TEST_F(Bans, ExpireInBoundedSteps) {
  for (std::uint32_t i = 0; i < 500; ++i) table_.add(Address::v4(i), Proof::proven, i % 2 == 0 ? 1min : 1h, 0, at(0s));
  std::set<std::string> ended;
  const auto note = [&ended](const Address& source, const Ban& ban) {
    ended.insert(source.to_string() + (ban.until == at(1min) ? "" : "?"));
  };
  table_.expire(at(2min), 10, note);
  EXPECT_GE(table_.size(), 490U);
  for (int i = 0; i < 200; ++i) table_.expire(at(2min), 10, note);
  EXPECT_EQ(table_.size(), 250U);
  EXPECT_EQ(ended.size(), 250U);
  EXPECT_TRUE(ended.contains("0.0.1.242"));
}

TEST_F(Bans, OfIpv6AreToldByTheirNetwork) {
  add("2001:db8:1:2:3::4", Proof::unproven, 1min, at(0s));
  std::vector<std::string> ended;
  table_.expire(at(1min), 1000, [&ended](const Address& source, const Ban&) { ended.push_back(source.to_string()); });
  EXPECT_EQ(ended, std::vector<std::string>{"2001:db8:1:2::"});
}

TEST_F(Bans, ForgedEvidenceCannotPushOutProvenOnes) {
  for (std::uint32_t i = 0; i < 500; ++i) ASSERT_TRUE(table_.add(Address::v4(i), Proof::proven, 1h, 0, at(0s)));
  for (std::uint32_t i = 0; i < 100'000; ++i) table_.add(Address::v4(0x0b000000U + i), Proof::unproven, 1h, 0, at(1s));
  EXPECT_LE(table_.size(), 1024U);
  EXPECT_GT(table_.evictions(), 90'000U);
  for (std::uint32_t i = 0; i < 500; ++i) ASSERT_NE(table_.check(Address::v4(i), at(2s)), nullptr) << i;
}

TEST(FullBanTable, EvictsTheExpiredThenTheUnprovenThenWhatEndsSoonest) {
  BanTable table(8, seed);
  const auto source = [](std::uint32_t i) { return Address::v4(i); };
  for (std::uint32_t i = 0; i < 6; ++i) table.add(source(i), Proof::proven, (i + 10) * 1min, 0, at(0s));
  table.add(source(6), Proof::unproven, 1min, 0, at(0s));
  table.add(source(7), Proof::proven, 1s, 0, at(0s));
  table.add(source(100), Proof::proven, 1h, 0, at(10s));
  EXPECT_EQ(table.check(source(7), at(0s)), nullptr);
  EXPECT_NE(table.check(source(6), at(10s)), nullptr);
  table.add(source(101), Proof::proven, 1h, 0, at(10s));
  EXPECT_EQ(table.check(source(6), at(10s)), nullptr);
  table.add(source(102), Proof::proven, 1min, 0, at(10s));
  EXPECT_EQ(table.check(source(0), at(10s)), nullptr);
  EXPECT_NE(table.check(source(102), at(10s)), nullptr);
  EXPECT_EQ(table.evictions(), 3U);
  EXPECT_FALSE(table.add(source(103), Proof::unproven, 1min, 0, at(10s)));
  EXPECT_EQ(table.check(source(103), at(10s)), nullptr);
  EXPECT_EQ(table.size(), 8U);
}

}  // namespace
}  // namespace postern::acl
