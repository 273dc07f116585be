#include "acl/rate.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support.hpp"

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

int take_all(TokenBucket& bucket, const RateLimit& limit, TimePoint now, int most) {
  int taken = 0;
  while (taken < most && bucket.take(limit, now)) ++taken;
  return taken;
}

TEST(TokenBucket, StartsFullAndRefillsAtTheRate) {
  const RateLimit limit(Rate{50, 100});
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, limit, at(0s), 1000), 100);
  EXPECT_EQ(bucket.wait(limit, at(0s)), 20ms);
  EXPECT_FALSE(bucket.take(limit, at(19ms)));
  EXPECT_TRUE(bucket.take(limit, at(20ms)));
  EXPECT_EQ(take_all(bucket, limit, at(1s), 1000), 49);
  EXPECT_EQ(take_all(bucket, limit, at(1h), 1000), 100);
}

TEST(TokenBucket, RefusalTakesNothing) {
  const RateLimit limit(Rate{1, 1});
  TokenBucket bucket;
  EXPECT_TRUE(bucket.take(limit, at(0s)));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(bucket.take(limit, at(500ms)));
  EXPECT_EQ(bucket.wait(limit, at(500ms)), 500ms);
  EXPECT_TRUE(bucket.take(limit, at(1s)));
}

TEST(TokenBucket, WaitIsZeroWhileThereIsAToken) {
  const RateLimit limit(Rate{1, 2});
  TokenBucket bucket;
  EXPECT_EQ(bucket.wait(limit, at(0s)), 0ns);
  EXPECT_TRUE(bucket.take(limit, at(0s)));
  EXPECT_EQ(bucket.wait(limit, at(0s)), 0ns);
}

TEST(RateLimit, TimesMultipliesRateAndBurst) {
  const RateLimit limit = RateLimit(Rate{50, 100}).times(10);
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, limit, at(0s), 5000), 1000);
  EXPECT_EQ(take_all(bucket, limit, at(1s), 5000), 500);
  TokenBucket single;
  EXPECT_EQ(take_all(single, RateLimit(Rate{50, 100}).times(1), at(0s), 5000), 100);
  EXPECT_EQ(take_all(single, RateLimit(Rate{50, 100}).times(0), at(1s), 5000), 50);
}

TEST(RateLimit, SurvivesAbsurdRates) {
  const double huge = std::numeric_limits<double>::infinity();
  for (const Rate& rate :
       {Rate{1e9, 1e9}, Rate{1e30, 1e30}, Rate{1.0 / 3600, 1e9}, Rate{1e-30, 1e30}, Rate{huge, huge}, Rate{1e-300, 0.001}}) {
    const RateLimit limit(rate);
    TokenBucket bucket;
    EXPECT_TRUE(bucket.take(limit, at(0s))) << rate.per_second;
    (void)take_all(bucket, limit, at(1s), 1000);
    EXPECT_GE(bucket.wait(limit, at(1s)), 0ns);
    EXPECT_TRUE(TokenBucket().take(limit.times(UINT32_MAX), TimePoint(Duration(std::int64_t{1} << 60))));
  }
}

TEST(RateLimit, SlowRatesKeepTheirBurst) {
  const RateLimit limit(Rate{1.0 / 3600, 3});
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, limit, at(0s), 10), 3);
  EXPECT_FALSE(bucket.take(limit, at(3599s)));
  EXPECT_TRUE(bucket.take(limit, at(3600s)));
}

TEST(RateLimit, ABurstBelowOneIsOne) {
  const RateLimit limit(Rate{1, 0.25});
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, limit, at(0s), 10), 1);
  EXPECT_EQ(take_all(bucket, limit, at(1s), 10), 1);
}

TEST(RateLimit, WhoLeavesSomeIsServedBehindWhoDoesNot) {
  const RateLimit whole(Rate{10, 10}), strangers = whole.leaving(4);
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, strangers, at(0s), 100), 5);
  EXPECT_EQ(take_all(bucket, whole, at(0s), 100), 5);
  EXPECT_EQ(take_all(bucket, strangers, at(500ms), 100), 0);
  EXPECT_EQ(take_all(bucket, whole, at(500ms), 100), 5);
  EXPECT_EQ(take_all(bucket, strangers, at(1500ms), 100), 5);
  TokenBucket single;
  EXPECT_EQ(take_all(single, RateLimit(Rate{1, 1}).leaving(4), at(0s), 10), 1) << "a burst of one has no half";
}

TEST(RateLimit, WhoLeavesMoreIsServedBehindWhoLeavesLess) {
  const RateLimit whole(Rate{8, 80});
  TokenBucket bucket;
  EXPECT_EQ(take_all(bucket, whole.leaving(4), at(0s), 100), 40);
  EXPECT_EQ(take_all(bucket, whole.leaving(3), at(0s), 100), 10);
  EXPECT_EQ(take_all(bucket, whole.leaving(2), at(0s), 100), 10);
  EXPECT_EQ(take_all(bucket, whole, at(0s), 100), 20);
}

TEST(Appointments, AreOneBehindTheOtherAndEnd) {
  Appointments book;
  EXPECT_EQ(book.next(500ms, at(10s), 2s, 4s), 2500ms);
  EXPECT_EQ(book.next(500ms, at(10s), 2s, 4s), 3s);
  EXPECT_EQ(book.next(500ms, at(11s), 2s, 4s), 2500ms) << "who comes later has waited already";
  EXPECT_EQ(book.next(1s, at(11s), 2s, 4s), 3500ms);
  EXPECT_EQ(book.next(1s, at(11s), 2s, 4s), std::nullopt);
  EXPECT_EQ(book.next(500ms, at(60s), 2s, 4s), 2500ms) << "nobody is waiting any more";
}

TEST(RateLimit, ADefaultOneNeverRefuses) {
  TokenBucket bucket;
  EXPECT_TRUE(bucket.take(RateLimit(Rate{1, 1}), at(0s)));
  EXPECT_EQ(take_all(bucket, RateLimit(), at(0s), 1000), 1000);
}

TEST(TokenBucket, UnderAnotherLimitItIsNeverLessThanEmpty) {
  const RateLimit slow(Rate{1.0 / 3600, 100});  // a hundred hours to fill
  const TimePoint now{std::chrono::hours{1000}};
  const RateLimit fast = RateLimit(Rate{10, 5}).since(now);
  TokenBucket bucket;
  while (bucket.take(slow, now)) {
  }
  EXPECT_FALSE(bucket.take(fast, now)) << "empty it stays";
  EXPECT_EQ(bucket.wait(fast, now), std::chrono::milliseconds{100});
  EXPECT_TRUE(bucket.take(fast, now + std::chrono::milliseconds{100})) << "and fills at the new rate";
  EXPECT_FALSE(bucket.take(fast, now + std::chrono::milliseconds{100}));
  TokenBucket untouched;
  while (untouched.take(slow, now)) {
  }
  EXPECT_EQ(take_all(untouched, fast, now + std::chrono::milliseconds{300}, 10), 3) << "it has been filling since the limit began";
  TokenBucket reserved;
  while (reserved.take(fast, now)) {
  }
  EXPECT_FALSE(reserved.take(fast.leaving(4), now));
  EXPECT_FALSE(reserved.take(fast, now)) << "who may take but half of it gives nothing back";
}

TEST(TokenBucket, KeepsTheTimeToFillUnderAnotherLimit) {
  const RateLimit before(Rate{50, 100});
  const RateLimit after(Rate{5, 10});  // two seconds to fill, both
  TokenBucket bucket;
  const TimePoint now{std::chrono::hours{1000}};
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(bucket.take(before, now));
  int left = 0;
  while (bucket.take(after, now)) ++left;
  EXPECT_EQ(left, 4) << "40 of 100 were left, so are 4 of 10";
}

}  // namespace
}  // namespace postern::acl
