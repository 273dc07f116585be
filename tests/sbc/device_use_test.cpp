#include "sbc/device_use.hpp"

#include <gtest/gtest.h>

namespace postern::sbc {
namespace {

using namespace std::chrono_literals;
using Answer = DeviceUse::Answer;

class DeviceUseTest : public ::testing::Test {
 protected:
  /// A call of the device from that source which the PBX takes.
  void call(std::uint64_t source = 1) {
    ASSERT_EQ(use_.ask(device_, source, allowance_, true, now_), Answer::passes);
    use_.answered(device_, source, allowance_, now_, true, now_);
  }
  Answer ask(std::uint64_t source = 1, bool reserve = true) { return use_.ask(device_, source, allowance_, reserve, now_); }

  DeviceUse use_{64, 1};
  std::uint64_t device_ = use_.key("1001", sip::Method::invite);
  DeviceAllowance allowance_;
  TimePoint now_{1000h};
};

TEST_F(DeviceUseTest, KeysTellDevicesAndMethodsApart) {
  EXPECT_NE(device_, use_.key("1002", sip::Method::invite));
  EXPECT_NE(device_, use_.key("1001", sip::Method::message));
  EXPECT_EQ(device_, use_.key("1001", sip::Method::invite));
}

TEST_F(DeviceUseTest, ARateHoldsFromAllAddressesTogether) {
  allowance_.rate = acl::RateLimit({1.0 / 60, 2});
  call(1);
  call(2);
  EXPECT_EQ(ask(3), Answer::over_rate);
  EXPECT_EQ(ask(3, false), Answer::over_rate) << "without reserving too";
  now_ += 61s;
  EXPECT_EQ(ask(3), Answer::passes);
}

TEST_F(DeviceUseTest, WhatThePbxDoesNotTakeCostsTheDeviceNothing) {
  allowance_.rate = acl::RateLimit({1.0 / 60, 2});
  allowance_.calls_per_hour = 2;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(ask(7), Answer::passes) << i;
    use_.answered(device_, 7, allowance_, now_, false, now_);
  }
  call();
  call();
  EXPECT_NE(ask(), Answer::passes);
}

TEST_F(DeviceUseTest, WhatIsOnItsWayCountsForItsSourceAlone) {
  allowance_.calls = 2;
  EXPECT_EQ(ask(7), Answer::passes);
  EXPECT_EQ(ask(7), Answer::passes);
  EXPECT_EQ(ask(7), Answer::over_calls) << "a guesser's own";
  EXPECT_EQ(ask(1), Answer::passes) << "the device's";
  now_ += 33s;
  EXPECT_EQ(ask(7), Answer::passes) << "nobody answers any more";
}

/// A PBX that is silent: nothing is ever answered, and whoever redials makes no call at all.
TEST_F(DeviceUseTest, WhatComesToNothingEndsByItself) {
  allowance_.calls = 4;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(ask(), Answer::passes) << i;
    now_ += 20s;
  }
  now_ += 40s;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(), Answer::passes) << i;
  EXPECT_EQ(ask(), Answer::over_calls) << "at the same time";
}

TEST_F(DeviceUseTest, AnAnswerTakesBackItsOwnClaimAlone) {
  allowance_.calls = 2;
  const TimePoint lost = now_;
  EXPECT_EQ(ask(), Answer::passes);
  now_ += 10s;
  const TimePoint slow = now_;
  EXPECT_EQ(ask(), Answer::passes);
  now_ += 10s;
  EXPECT_EQ(ask(), Answer::over_calls);
  use_.answered(device_, 1, allowance_, slow, false, now_);
  EXPECT_EQ(ask(), Answer::passes);
  now_ = lost + 33s;
  use_.answered(device_, 1, allowance_, lost, false, now_);
  EXPECT_EQ(ask(), Answer::passes) << "the first has come to nothing";
  EXPECT_EQ(ask(), Answer::over_calls) << "its late answer is not that of the third";
}

TEST_F(DeviceUseTest, CallsInAnHourAreCountedInStepsOfFiveMinutes) {
  allowance_.calls_per_hour = 3;
  call();
  now_ += 20min;
  call();
  call();
  EXPECT_EQ(ask(), Answer::over_calls_per_hour);
  now_ += 34min;
  EXPECT_EQ(ask(), Answer::over_calls_per_hour) << "54 minutes after the first";
  now_ += 7min;
  call();
  EXPECT_EQ(ask(), Answer::over_calls_per_hour) << "the two of 41 minutes ago, and this one";
  now_ += 1h;
  call();
  now_ += 1000h;
  call();
  call();
  call();
  EXPECT_EQ(ask(), Answer::over_calls_per_hour);
}

TEST_F(DeviceUseTest, CallsAtTheSameTimeEnd) {
  allowance_.calls = 1;
  call();
  EXPECT_EQ(ask(), Answer::passes) << "it neither rings nor is answered";
  use_.answered(device_, 1, allowance_, now_, true, now_);
  use_.call_began(device_);
  use_.call_began(0);
  EXPECT_EQ(ask(), Answer::over_calls);
  EXPECT_EQ(use_.calls(), 2U);
  use_.call_ended(device_);
  EXPECT_EQ(ask(), Answer::passes);
  EXPECT_EQ(use_.calls(), 1U);
  use_.call_ended(device_);
  use_.call_ended(device_);
  EXPECT_EQ(use_.calls(), 0U) << "never below";
}

TEST_F(DeviceUseTest, IsBoundedAndForgetsWhoHasNoCallFirst) {
  allowance_.calls = 1;
  use_.call_began(device_);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t other = use_.key(std::to_string(i), sip::Method::message);
    use_.answered(other, 1, allowance_, std::nullopt, true, now_);
  }
  EXPECT_GT(use_.evictions(), 9000U);
  EXPECT_EQ(ask(), Answer::over_calls);
}

}  // namespace
}  // namespace postern::sbc
