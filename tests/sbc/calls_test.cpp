// The table of calls: what enters, what goes first where there is no room, and what ends by its time.
#include "sbc/calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace postern::sbc {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CallsTest : public testing::Test {
 protected:
  /// Both ends of call number `id` know it: an asker is who began it, unless `turned`.
  static CallKeys keys(std::uint64_t id, bool turned = false) { return turned ? CallKeys{id + 1000, id} : CallKeys{id, id + 1000}; }
  CallSketch sketch(const std::string& call_id) { return {call_id, "1001", "1001", "1002", flow_}; }

  void ring(Calls& calls, std::uint64_t id) {
    const std::string call_id = std::to_string(id);
    calls.ringing(keys(id), sketch(call_id), now_);
  }
  void answer(Calls& calls, std::uint64_t id, std::optional<std::chrono::seconds> session = std::nullopt) {
    const std::string call_id = std::to_string(id);
    calls.established(keys(id), sketch(call_id), session, now_);
  }
  static std::vector<std::string> listed(const Calls& calls) {
    std::vector<std::string> all;
    ListCursor cursor;
    while (calls.list(cursor, 2, [&](const Call& call) { all.push_back(call.call_id + " " + to_string(call.state)); })) {
    }
    return all;
  }
  void pass(Calls& calls, std::chrono::seconds time) {
    now_ += time;
    calls.expire(now_, 100);
  }

  Flow flow_;
  TimePoint now_{1000h};
};

TEST_F(CallsTest, GoThroughTheirStates) {
  Calls calls(10);
  calls.calling(keys(1), sketch("1"), now_);
  EXPECT_THAT(listed(calls), ElementsAre("1 calling"));
  ring(calls, 1);
  EXPECT_THAT(listed(calls), ElementsAre("1 ringing"));
  answer(calls, 1);
  EXPECT_THAT(listed(calls), ElementsAre("1 established"));
  ring(calls, 1);
  calls.refused(keys(1));  // a re-INVITE was: the call stays as it was
  EXPECT_THAT(listed(calls), ElementsAre("1 established"));
  calls.ended(keys(1, true));
  EXPECT_THAT(listed(calls), IsEmpty());
  EXPECT_EQ(calls.next_expiry(), std::nullopt);
}

TEST_F(CallsTest, ACallThatIsRefusedEnds) {
  Calls calls(10);
  ring(calls, 1);
  calls.refused(keys(1));
  EXPECT_EQ(calls.size(), 0U);
  calls.refused(keys(1));
  calls.ended(keys(2));
  calls.heard(keys(2), now_);
  EXPECT_EQ(calls.size(), 0U);
}

TEST_F(CallsTest, AreToldWhateverChangesMeanwhile) {
  Calls calls(10);
  for (std::uint64_t id = 1; id <= 5; ++id) ring(calls, id);
  std::vector<std::string> all;
  ListCursor cursor;
  const auto visit = [&](const Call& call) { all.push_back(call.call_id); };
  EXPECT_TRUE(calls.list(cursor, 2, visit));
  answer(calls, 1);        // told already
  answer(calls, 4);        // another list, the same place
  calls.refused(keys(3));  // gone before its turn
  ring(calls, 6);          // came later
  EXPECT_FALSE(calls.list(cursor, 100, visit));
  EXPECT_THAT(all, ElementsAre("1", "2", "4", "5"));
  EXPECT_THAT(listed(calls), SizeIs(5));
}

TEST_F(CallsTest, WhatStrangersBeginPushesOutNoCallThatWasAnswered) {
  Calls calls(3);
  answer(calls, 1);
  answer(calls, 2);
  ring(calls, 3);
  ring(calls, 4);
  EXPECT_THAT(listed(calls), ElementsAre("1 established", "2 established", "4 ringing"));
  answer(calls, 4);
  ring(calls, 5);
  EXPECT_THAT(listed(calls), ElementsAre("1 established", "2 established", "4 established"));
  EXPECT_EQ(calls.evictions(), 2U);
  // One that is answered takes the place of the one that was silent longest.
  calls.heard(keys(1, true), now_);
  answer(calls, 5);
  EXPECT_THAT(listed(calls), ElementsAre("1 established", "4 established", "5 established"));
}

TEST_F(CallsTest, WhatIsNeverAnsweredEndsByItsTime) {
  Calls calls(10);
  calls.calling(keys(1), sketch("1"), now_);
  pass(calls, Calls::no_answer - 1s);
  EXPECT_EQ(calls.size(), 1U);
  ring(calls, 1);
  pass(calls, Calls::no_final_answer - 1s);
  EXPECT_EQ(calls.size(), 1U);
  ring(calls, 1);
  pass(calls, Calls::no_final_answer - 1s);
  EXPECT_EQ(calls.size(), 1U);
  pass(calls, 1s);
  EXPECT_EQ(calls.size(), 0U);
}

TEST_F(CallsTest, WithoutASessionTimerSilenceEndsIt) {
  Calls calls(10);
  answer(calls, 1);
  pass(calls, Calls::silence - 1s);
  calls.heard(keys(1, true), now_);
  pass(calls, Calls::silence - 1s);
  EXPECT_EQ(calls.size(), 1U);
  pass(calls, 1s);
  EXPECT_EQ(calls.size(), 0U);
}

TEST_F(CallsTest, ASessionThatIsNotRefreshedEnds) {
  Calls calls(10);
  answer(calls, 1, 1800s);
  pass(calls, 1800s);
  const std::string call_id = "1";
  calls.refreshed(keys(1, true), sketch(call_id), 1800s, now_);
  calls.heard(keys(1), now_);
  pass(calls, 1800s + Calls::grace - 1s);
  calls.heard(keys(1), now_);  // that is no refresh
  EXPECT_EQ(calls.size(), 1U);
  pass(calls, 1s);
  EXPECT_EQ(calls.size(), 0U);
  // Nobody gets out of sight by a session of a second.
  answer(calls, 2, 1s);
  pass(calls, Calls::shortest_session);
  EXPECT_EQ(calls.size(), 1U);
}

TEST_F(CallsTest, AnUpdateAnswersNoCall) {
  Calls calls(10);
  ring(calls, 1);
  const std::string call_id = "1";
  calls.refreshed(keys(1), sketch(call_id), 1800s, now_);
  EXPECT_THAT(listed(calls), ElementsAre("1 ringing"));
  // But tells of one that nobody here remembers.
  calls.refreshed(keys(2), sketch(call_id), std::nullopt, now_);
  EXPECT_THAT(listed(calls), ElementsAre("1 ringing", "1 established"));
}

TEST_F(CallsTest, AByeWithoutAnAnswerEndsItAndOneThatIsRefusedDoesNot) {
  Calls calls(10);
  answer(calls, 1);
  calls.ending(keys(1), now_);
  calls.heard(keys(1), now_);
  pass(calls, Calls::no_answer - 1s);
  calls.goes_on(keys(1), now_);
  pass(calls, 1h);
  EXPECT_EQ(calls.size(), 1U);
  calls.ending(keys(1), now_);
  pass(calls, Calls::no_answer);
  EXPECT_EQ(calls.size(), 0U);

  answer(calls, 2, 1800s);
  calls.ending(keys(2), now_);
  pass(calls, 10s);
  calls.goes_on(keys(2), now_);
  pass(calls, 1700s);
  EXPECT_EQ(calls.size(), 1U);
  pass(calls, 1800s);
  EXPECT_EQ(calls.size(), 0U);
}

}  // namespace
}  // namespace postern::sbc
