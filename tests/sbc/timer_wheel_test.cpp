#include "sbc/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace postern::sbc {
namespace {

using acl::TimePoint;
using std::chrono::milliseconds;

TimePoint at(std::int64_t ms) { return TimePoint{milliseconds{1'000'000'000 + ms}}; }

TEST(TimerWheel, FiresOnTheTickAtOrBehindTheDeadline) {
  TimerWheel wheel;
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
  wheel.arm(3, at(25), at(0));
  EXPECT_EQ(wheel.next_deadline(), at(30));
  EXPECT_EQ(wheel.take(at(29)), std::nullopt);
  EXPECT_EQ(wheel.take(at(30)), 3U);
  EXPECT_EQ(wheel.take(at(1000)), std::nullopt);
  EXPECT_EQ(wheel.size(), 0U);
}

TEST(TimerWheel, NeverFiresEarlyForAFractionOfAMillisecond) {
  TimerWheel wheel;
  wheel.arm(0, at(20) + std::chrono::nanoseconds{1}, at(0));
  EXPECT_EQ(wheel.take(at(20)), std::nullopt);
  EXPECT_EQ(wheel.next_deadline(), at(30));
}

TEST(TimerWheel, FiresAtOnceWhatIsPast) {
  TimerWheel wheel;
  wheel.arm(0, at(-500), at(0));
  EXPECT_LE(wheel.next_deadline().value_or(TimePoint::max()), at(0));
  EXPECT_EQ(wheel.take(at(0)), 0U);
}

TEST(TimerWheel, ForgetsWhatIsCancelled) {
  TimerWheel wheel;
  for (std::uint32_t timer : {0U, 1U, 2U}) wheel.arm(timer, at(10), at(0));  // one list: head, middle and tail
  wheel.cancel(1);
  wheel.cancel(1);
  wheel.cancel(77);
  EXPECT_FALSE(wheel.armed(1));
  EXPECT_EQ(wheel.take(at(10)), 2U);
  EXPECT_EQ(wheel.take(at(10)), 0U);
  EXPECT_EQ(wheel.take(at(10)), std::nullopt);
}

TEST(TimerWheel, MovesWhatIsArmedAgain) {
  TimerWheel wheel;
  wheel.arm(0, at(10), at(0));
  wheel.arm(0, at(5000), at(0));
  EXPECT_EQ(wheel.size(), 1U);
  EXPECT_EQ(wheel.take(at(4990)), std::nullopt);
  EXPECT_EQ(wheel.take(at(5000)), 0U);
}

TEST(TimerWheel, WaitsMoreThanOneTurn) {
  TimerWheel wheel;
  wheel.arm(0, at(1'000'000), at(0));
  int wakes = 0;
  const auto next = [&wheel] { return wheel.next_deadline().value_or(TimePoint::max()); };
  for (TimePoint now = next(); now < at(1'000'000); now = next(), ++wakes) EXPECT_EQ(wheel.take(now), std::nullopt);
  EXPECT_EQ(wakes, 3);
  EXPECT_EQ(wheel.take(at(1'000'000)), 0U);
}

TEST(TimerWheel, ServesALongPauseInTheOrderOfDeadlines) {
  TimerWheel wheel;
  wheel.arm(0, at(300'000), at(0));
  wheel.arm(1, at(10), at(0));
  wheel.arm(2, at(150'000), at(0));
  EXPECT_EQ(wheel.take(at(900'000)), 1U);
  EXPECT_EQ(wheel.take(at(900'000)), 2U);
  EXPECT_EQ(wheel.take(at(900'000)), 0U);
  wheel.arm(0, at(900'500), at(900'000));
  EXPECT_EQ(wheel.next_deadline(), at(900'500));
}

/// Against a plain sorted map: the same timers fire, none early, none later than its tick.
TEST(TimerWheel, BehavesAsASortedMap) {
  std::mt19937 random(7);
  TimerWheel wheel;
  std::map<std::uint32_t, std::int64_t> model;  // timer -> the tick (ms) at which it is due
  std::int64_t now = 0;
  for (int step = 0; step < 50'000; ++step) {
    const auto timer = static_cast<std::uint32_t>(random() % 200);
    if (random() % 4 == 0) {
      wheel.cancel(timer);
      model.erase(timer);
    } else {
      const std::int64_t delay = static_cast<std::int64_t>(random() % (random() % 20 == 0 ? 1'000'000 : 40'000)) - 50;
      wheel.arm(timer, at(now + delay), at(now));
      model[timer] = (now + delay + 9) / 10 * 10;
    }
    now += static_cast<std::int64_t>(random() % 300);
    while (const auto fired = wheel.take(at(now))) {
      ASSERT_TRUE(model.contains(*fired));
      ASSERT_LE(model[*fired], now);
      model.erase(*fired);
    }
    ASSERT_EQ(wheel.size(), model.size());
    for (const auto& [left, due] : model) ASSERT_GT(due, now / 10 * 10) << left;
  }
}

}  // namespace
}  // namespace postern::sbc
