// How many alerts of a kind go out, in a time of the test's own.
#include "sbc/net/alert_throttle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class AlertThrottleTest : public testing::Test {
 protected:
  AlertThrottleTest() { throttle_.set_interval(5min); }
  static Alert about(const std::string& subject, AlertKind kind = AlertKind::ban) {
    return {.kind = kind, .message = subject + " is banned", .subject = subject, .fields = {}};
  }
  std::optional<Alert> admit(const std::string& subject, AlertKind kind = AlertKind::ban) {
    return throttle_.admit(about(subject, kind), now_);
  }

  AlertThrottle throttle_;
  AlertThrottle::TimePoint now_{1000h};
};

TEST_F(AlertThrottleTest, AFloodIsOneAlertAndOneMoreAtTheEndOfTheInterval) {
  ASSERT_TRUE(admit("first"));
  now_ += 1min;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(admit("a" + std::to_string(i)));
  EXPECT_EQ(throttle_.next(), AlertThrottle::TimePoint(1000h + 5min));
  now_ += 4min - 1ms;
  EXPECT_TRUE(throttle_.due(now_).empty());
  now_ += 1ms;
  const auto due = throttle_.due(now_);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].subject, "a99");
  EXPECT_EQ(due[0].more, 99U);
  EXPECT_EQ(due[0].text(), "a99 is banned (and 99 more since: a0, a1, a2, a3, a4, a5, a6, a7 ...)");
  EXPECT_FALSE(throttle_.next());
  EXPECT_FALSE(admit("again")) << "a new interval has begun with it";
}

TEST_F(AlertThrottleTest, AnIntervalThatWasQuietHoldsNothingBack) {
  ASSERT_TRUE(admit("first"));
  now_ += 5min;
  EXPECT_TRUE(throttle_.due(now_).empty());
  const auto next = admit("next");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->text(), "next is banned");
}

TEST_F(AlertThrottleTest, WhatIsStillHeldGoesWithTheNextOne) {
  ASSERT_TRUE(admit("first"));
  EXPECT_FALSE(admit("held"));
  now_ += 6min;  // and nobody has asked for what is due
  const auto next = admit("next");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->text(), "next is banned (and 1 more since: held)");
  EXPECT_FALSE(throttle_.next());
}

TEST_F(AlertThrottleTest, KindsAreApart) {
  ASSERT_TRUE(admit("first"));
  EXPECT_TRUE(admit("device", AlertKind::call_denied));
  EXPECT_FALSE(admit("device", AlertKind::call_denied));
  EXPECT_FALSE(admit("second"));
  now_ += 5min;
  std::vector<AlertKind> kinds;
  for (const Alert& alert : throttle_.due(now_)) kinds.push_back(alert.kind);
  EXPECT_THAT(kinds, ElementsAre(AlertKind::ban, AlertKind::call_denied));
}

TEST_F(AlertThrottleTest, WhatCannotWaitIsNeverHeldBack) {
  for (const AlertKind kind : {AlertKind::emergency_call, AlertKind::pbx_down, AlertKind::pbx_up, AlertKind::test})
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(admit("1001", kind)) << info(kind).word;
  EXPECT_FALSE(throttle_.next());
}

TEST_F(AlertThrottleTest, ForgedCallsForHelpAreHeldBackAndHoldUpNoTrueOne) {
  const auto call = [&](bool forgeable) {
    Alert alert = about("1001", AlertKind::emergency_call);
    alert.forgeable = forgeable;
    return throttle_.admit(std::move(alert), now_).has_value();
  };
  EXPECT_TRUE(call(true)) << "it may be true";
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(call(true));
    EXPECT_TRUE(call(false));
  }
  now_ += 5min;
  const auto due = throttle_.due(now_);
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].more, 99U);
}

TEST_F(AlertThrottleTest, OneSubjectIsNamedOnce) {
  ASSERT_TRUE(admit("first"));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(admit("same"));
  now_ += 5min;
  EXPECT_THAT(throttle_.due(now_).at(0).text(), HasSubstr("(and 4 more since: same ...)"));
}

TEST_F(AlertThrottleTest, AnotherIntervalHoldsAtOnce) {
  ASSERT_TRUE(admit("first"));
  EXPECT_FALSE(admit("held"));
  now_ += 2s;
  throttle_.set_interval(1s);
  EXPECT_EQ(throttle_.due(now_).size(), 1U);
}

}  // namespace
}  // namespace postern::net
