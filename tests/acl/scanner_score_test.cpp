#include "acl/scanner_score.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t options = 1, invite = 2;

class Memory : public ::testing::Test {
 protected:
  /// The points after these deeds, each another user's.
  ScannerScore users(int count, bool proven = false) {
    ScannerScore score;
    for (int i = 0; i < count; ++i) {
      score = {};
      memory_.judge(source_, proven, {options, "user" + std::to_string(i), {}, {}}, score, now_);
    }
    return score;
  }
  ScannerScore calls(int count) {
    ScannerScore score;
    for (int i = 0; i < count; ++i) {
      score = {};
      const std::string text = std::to_string(i);
      memory_.judge(source_, false, {invite, "me", "0044" + text, "call" + text}, score, now_);
    }
    return score;
  }

  Address source_ = *Address::parse("203.0.113.7");
  TimePoint now_{1000h};
  ScannerMemory memory_{1000, 7};
};

TEST(ScannerScore, IsTheSumOfItsSigns) {
  ScannerScore score;
  EXPECT_EQ(score.sum(), 0U);
  score.add(ScannerSign::tool_tag);
  score.add(ScannerSign::tool_tag);
  score.add(ScannerSign::many_users, 1000);
  EXPECT_EQ(score.points(ScannerSign::tool_tag), info(ScannerSign::tool_tag).points);
  EXPECT_EQ(score.points(ScannerSign::many_users), info(ScannerSign::many_users).points) << "no more than it may come to";
  EXPECT_EQ(score.sum(), std::uint32_t{info(ScannerSign::tool_tag).points} + info(ScannerSign::many_users).points);
}

TEST(ScannerScore, EachSignSaysWhatItMeans) {
  std::set<std::string_view> words;
  for (const ScannerSignInfo& sign : scanner_signs) {
    EXPECT_TRUE(words.insert(sign.word).second) << sign.word;
    EXPECT_GT(sign.points, 0) << sign.word;
    EXPECT_FALSE(sign.help.empty()) << sign.word;
  }
}

TEST_F(Memory, AFewUsersAreAHousehold) {
  EXPECT_EQ(users(8).sum(), 0U);
  EXPECT_GE(users(40).points(ScannerSign::many_users), 40U);
}

TEST_F(Memory, WhoCallsManyNumbersAndAcknowledgesNothingIsOverTheThreshold) {
  EXPECT_EQ(calls(5).sum(), 0U);
  EXPECT_GE(calls(60).sum(), 100U);
}

TEST_F(Memory, ARepetitionCountsNothing) {
  ScannerScore score;
  for (int i = 0; i < 100; ++i) memory_.judge(source_, false, {invite, "me", "0044", "one call"}, score, now_);
  EXPECT_EQ(score.sum(), 0U);
}

TEST_F(Memory, WhoAcknowledgesIsNoProbe) {
  calls(10);
  memory_.acknowledged(source_, now_);
  EXPECT_EQ(calls(60).points(ScannerSign::never_acked), 0U);
  memory_.acknowledged(*Address::parse("203.0.113.8"), now_);
  EXPECT_EQ(memory_.size(), 1U) << "whom nobody judged is not remembered";
}

TEST_F(Memory, WhoseCallWasAnsweredIsNoScanner) {
  calls(30);
  memory_.succeeded(source_, now_);
  EXPECT_EQ(calls(60).sum(), 0U);
  now_ += 5h;
  EXPECT_GE(calls(60).sum(), 100U) << "that counts for four hours";
}

TEST_F(Memory, ManyMethods) {
  ScannerScore score;
  for (std::uint8_t method = 0; method < 8; ++method) memory_.judge(source_, false, {method, "me", {}, {}}, score, now_);
  EXPECT_EQ(score.sum(), info(ScannerSign::many_methods).points);
}

TEST_F(Memory, WhatIsForgedInItsNameIsNotProven) {
  users(60);
  EXPECT_EQ(users(1, true).sum(), 0U);
}

TEST_F(Memory, ItDecays) {
  const auto before = users(40).sum();
  now_ += 4min;
  EXPECT_GE(users(1).sum(), before);
  now_ += 11min;
  EXPECT_EQ(users(1).sum(), 0U);
}

TEST_F(Memory, IsBounded) {
  ScannerScore score;
  for (std::uint32_t i = 0; i < 20'000; ++i) memory_.judge(Address::v4(i), false, {options, "x", {}, {}}, score, now_);
  EXPECT_LE(memory_.size(), 1024U);
  EXPECT_GT(memory_.evictions(), 0U);
}

}  // namespace
}  // namespace postern::acl
