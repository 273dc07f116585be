// The thread that delivers alerts: in what order, how often, and what is lost.
#include "sbc/net/alert_way.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <future>
#include <stdexcept>
#include <vector>

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::shared_ptr<const Alert> alert_about(const std::string& subject, AlertKind kind = AlertKind::ban) {
  return std::make_shared<const Alert>(Alert{.kind = kind, .message = subject, .subject = subject, .fields = {}});
}

class AlertWayTest : public testing::Test {
 protected:
  static constexpr auto patience = 20s;

  /// Delivers what `results` says, one after the other and then always well; the first one only once it is let go.
  void begin(std::vector<AlertResult> results) {
    way_.use("somebody", [this, results, gate = gate_.get_future().share()](const Alert& alert, const std::stop_token&) {
      gate.wait();
      const std::scoped_lock hold(mutex_);
      seen_.push_back(alert.subject);
      wake_.notify_all();
      return seen_.size() <= results.size() ? results[seen_.size() - 1] : AlertResult{true, false, "well"};
    });
  }
  /// What has been delivered once there are so many.
  std::vector<std::string> seen(std::size_t count) {
    std::unique_lock hold(mutex_);
    wake_.wait_for(hold, patience, [&] { return seen_.size() >= count; });
    return seen_;
  }
  void wait_for(const std::atomic<std::uint64_t>& counter, std::uint64_t value) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (counter < value && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(counter, value);
  }

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> stream_{std::tmpfile()};
  Log log_{{}, stream_.get()};
  AlertCounts counts_;
  std::promise<void> gate_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::string> seen_;
  AlertWay way_{"webhook", log_, counts_};
};

TEST_F(AlertWayTest, WhatCannotWaitGoesFirst) {
  begin({});
  way_.push(alert_about("first"));
  way_.push(alert_about("second"));
  way_.push(alert_about("help", AlertKind::emergency_call));
  gate_.set_value();
  const auto order = seen(3);
  ASSERT_EQ(order.size(), 3U);
  EXPECT_LT(std::ranges::find(order, "help"), std::ranges::find(order, "second"));
  wait_for(counts_.delivered, 3);
}

TEST_F(AlertWayTest, WhatMayWorkAnotherTimeIsTriedAgainAndHoldsUpNobody) {
  gate_.set_value();
  begin({{false, true, "HTTP status 503"}});
  way_.push(alert_about("first"));
  seen(1);
  way_.push(alert_about("second"));
  EXPECT_THAT(seen(3), ElementsAre("first", "second", "first"));
  wait_for(counts_.delivered, 2);
  EXPECT_EQ(counts_.failed, 0U);
}

TEST_F(AlertWayTest, WhatWillNotWorkIsToldInTheLog) {
  gate_.set_value();
  begin({{false, false, "HTTP status 404"}});
  way_.push(alert_about("first"));
  wait_for(counts_.failed, 1);
  EXPECT_EQ(seen(1).size(), 1U);
}

TEST_F(AlertWayTest, ThrowingIsFailing) {
  way_.use("somebody", [](const Alert&, const std::stop_token&) -> AlertResult { throw std::runtime_error("no memory"); });
  std::promise<AlertResult> told;
  way_.push(alert_about("trial", AlertKind::test), [&](const AlertResult& result) { told.set_value(result); });
  auto result = told.get_future();
  ASSERT_EQ(result.wait_for(patience), std::future_status::ready);
  EXPECT_EQ(result.get().what, "no memory");
}

TEST_F(AlertWayTest, TooManyOfAKindAreLostAndPushOutNoOther) {
  begin({});
  for (int i = 0; i < AlertWay::most_of_a_kind + 10; ++i) way_.push(alert_about(std::to_string(i), AlertKind::emergency_call));
  const std::uint64_t lost = counts_.lost;
  EXPECT_GE(lost, 9U) << "one may have been under way already";
  EXPECT_LE(lost, 10U);
  way_.push(alert_about("down", AlertKind::pbx_down));
  way_.push(alert_about("up", AlertKind::pbx_up));
  EXPECT_EQ(counts_.lost, lost);
  gate_.set_value();
  const auto all = seen(AlertWay::most_of_a_kind + 10 - lost + 2);
  EXPECT_THAT(all, testing::Contains("down"));
  EXPECT_THAT(all, testing::Contains("up"));
}

TEST_F(AlertWayTest, ATrueCallForHelpTakesThePlaceOfAForgedOne) {
  begin({});
  for (int i = 0; i < AlertWay::most_of_a_kind + 1; ++i) {
    Alert forged = *alert_about("forged", AlertKind::emergency_call);
    forged.forgeable = true;
    way_.push(std::make_shared<const Alert>(std::move(forged)));
  }
  way_.push(alert_about("help", AlertKind::emergency_call));
  gate_.set_value();
  EXPECT_THAT(seen(AlertWay::most_of_a_kind), testing::Contains("help"));
}

TEST_F(AlertWayTest, ATrialThatComesToNothingIsToldAndNotCounted) {
  // The one that is under way is told when the test has ended.
  struct Told {
    std::mutex mutex;
    std::vector<std::string> texts;
  };
  const auto told = std::make_shared<Told>();
  const auto texts = [&] {
    const std::scoped_lock hold(told->mutex);
    return told->texts;
  };
  begin({});
  for (int i = 0; i < AlertWay::most_of_a_kind + 2; ++i) {
    way_.push(alert_about("trial", AlertKind::test), [told](const AlertResult& result) {
      const std::scoped_lock hold(told->mutex);
      told->texts.push_back(result.what);
    });
  }
  ASSERT_GE(texts().size(), 1U);
  EXPECT_THAT(texts(), testing::Each(testing::HasSubstr("too many trials")));
  way_.use({}, {});
  EXPECT_GE(texts().size(), 1U + AlertWay::most_of_a_kind) << "but for the one that is under way";
  EXPECT_THAT(texts().back(), testing::HasSubstr("the configuration has been changed"));
  EXPECT_EQ(counts_.lost, 0U);
  gate_.set_value();
}

TEST_F(AlertWayTest, WithoutAWayNothingIsKept) {
  way_.push(alert_about("nobody"));
  gate_.set_value();
  begin({});
  way_.push(alert_about("somebody"));
  EXPECT_THAT(seen(1), ElementsAre("somebody"));
  way_.use({}, {});
  EXPECT_FALSE(way_.in_use());
}

}  // namespace
}  // namespace postern::net
