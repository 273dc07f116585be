#include "sbc/net/gathering.hpp"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

using namespace std::chrono_literals;

/// Turns of so many datagrams each, one each `every`, that take `work`; the nap after the last.
acl::Duration nap_after(Gathering& gathering, std::size_t datagrams, acl::Duration every, acl::Duration work, acl::TimePoint& now) {
  acl::Duration nap{};
  for (int i = 0; i < 2000; ++i) {
    now += every;
    nap = gathering.after(datagrams, now, now + work);
  }
  return nap;
}

TEST(Gathering, AnswersAtOnceWhenIdle) {
  Gathering gathering;
  acl::TimePoint now{1h};
  EXPECT_EQ(gathering.after(1, now, now + 3us), 0us);
  EXPECT_EQ(nap_after(gathering, 1, 70us, 20us, now), 0us);  // 14,000 a second
}

TEST(Gathering, NapsUntilSomeDozensAreThere) {
  Gathering gathering;
  acl::TimePoint now{1h};
  EXPECT_EQ(nap_after(gathering, 1, 50us, 3us, now), Gathering::longest);  // 20,000 a second: 48 would take 2.4 ms
  EXPECT_NEAR(static_cast<double>(nap_after(gathering, 1, 5us, 2us, now).count()), 240'000, 5'000);
}

TEST(Gathering, HasNoTimeToNapWhereTheWorkTakesIt) {
  Gathering gathering;
  acl::TimePoint now{1h};
  EXPECT_EQ(nap_after(gathering, 32, 1ms, 900us, now), 0us);
  EXPECT_GT(nap_after(gathering, 32, 1ms, 700us, now), 0us);
}

TEST(Gathering, NapsLessWhereEachTurnIsFullAnyway) {
  Gathering gathering;
  acl::TimePoint now{1h};
  ASSERT_EQ(nap_after(gathering, 20, 1ms, 500us, now), Gathering::longest);
  EXPECT_LT(nap_after(gathering, 64, 1ms, 500us, now), 1us);
  EXPECT_EQ(nap_after(gathering, 62, 1ms, 500us, now), Gathering::longest);
}

TEST(Gathering, TheFirstAfterAQuietTimeIsAnsweredAtOnce) {
  Gathering gathering;
  acl::TimePoint now{1h};
  ASSERT_GT(nap_after(gathering, 1, 5us, 2us, now), 0us);
  now += 10ms;
  EXPECT_EQ(gathering.after(1, now, now + 3us), 0us);
}

TEST(Gathering, GoesOnWithAFloodedSocketFourTimesAtMost) {
  EXPECT_TRUE(Gathering::goes_on(1, 48, false));
  EXPECT_TRUE(Gathering::goes_on(3, 8, false));
  EXPECT_FALSE(Gathering::goes_on(4, 48, false));
  EXPECT_FALSE(Gathering::goes_on(1, 7, false)) << "a quiet socket beside a flooded one";
  EXPECT_FALSE(Gathering::goes_on(1, 48, true)) << "somebody waits for an answer";
}

}  // namespace
}  // namespace postern::net
