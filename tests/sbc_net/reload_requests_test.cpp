// A reload with a way back: what becomes of it when nobody confirms, when somebody does, and when it cannot be gone back.
#include "sbc/net/reload_requests.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class ReloadRequestsTest : public testing::Test {
 protected:
  /// Asks for a reload; what is answered is put at the end of `answers_`.
  bool ask(const std::string& confirm = {}) {
    return requests_.add(confirm.empty() ? ControlArguments{} : ControlArguments{{"confirm", confirm}}, [this](const AnswerPart& answer) {
      std::string text;
      while (answer(text)) {
      }
      answers_.push_back(json::parse(text));
    });
  }
  void apply(const std::shared_ptr<const Configuration>& before) {
    requests_.begin();
    requests_.applied(before, now_, "rules");
  }
  /// Until going back is asked for once more.
  void wait_for_going_back() {
    const std::size_t had = gone_back_.size();
    io_.restart();  // it stops whenever nothing is left to wait for
    while (gone_back_.size() == had) ASSERT_GT(io_.run_one_for(10s), 0U);
  }

  boost::asio::io_context io_;
  std::vector<std::shared_ptr<const Configuration>> gone_back_;
  ReloadRequests requests_{io_, [this](std::shared_ptr<const Configuration> before) { gone_back_.push_back(std::move(before)); }, 1ms};
  std::shared_ptr<const Configuration> first_ = std::make_shared<const Configuration>();
  std::shared_ptr<const Configuration> second_ = std::make_shared<const Configuration>();
  Configuration now_;
  std::vector<json> answers_;
};

TEST_F(ReloadRequestsTest, AllWhoAskedAreTold) {
  EXPECT_TRUE(ask());
  EXPECT_TRUE(ask());
  apply(first_);
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[0]["result"], "applied");
  EXPECT_TRUE(answers_[0]["confirm_until"].is_null());
  EXPECT_EQ(requests_.warning(), "");
  EXPECT_FALSE(requests_.confirm());
}

TEST_F(ReloadRequestsTest, WhoAsksWhileOneIsReadWaitsForTheNext) {
  ask();
  requests_.begin();
  ask();
  requests_.refused({});
  EXPECT_EQ(answers_.size(), 1U);
  apply(first_);
  EXPECT_EQ(answers_.size(), 2U);
}

TEST_F(ReloadRequestsTest, WithoutAConfirmationItGoesBack) {
  ask("1");
  apply(first_);
  EXPECT_FALSE(answers_[0]["confirm_until"].is_null());
  EXPECT_NE(requests_.warning(), "");
  wait_for_going_back();
  EXPECT_EQ(gone_back_.front(), first_);
  EXPECT_FALSE(requests_.confirm()) << "it is too late";
  requests_.went_back();
  EXPECT_EQ(requests_.warning(), "");
  EXPECT_TRUE(ask());
}

TEST_F(ReloadRequestsTest, NobodyElseReloadsMeanwhile) {
  ask("1");
  EXPECT_FALSE(ask("1")) << "while the first is asked for";
  requests_.begin();
  EXPECT_FALSE(ask()) << "while it is read";
  requests_.applied(first_, now_, "rules");
  EXPECT_FALSE(ask()) << "while it waits";
  EXPECT_EQ(answers_.size(), 4U);
}

TEST_F(ReloadRequestsTest, ASignalMeanwhileDoesNotChangeWhatIsGoneBackTo) {
  ask("1");
  apply(first_);
  apply(second_);
  wait_for_going_back();
  EXPECT_EQ(gone_back_.front(), first_);
}

TEST_F(ReloadRequestsTest, ConfirmedItStays) {
  ask("1");
  apply(first_);
  EXPECT_TRUE(requests_.confirm());
  EXPECT_EQ(requests_.warning(), "");
  io_.run();
  EXPECT_TRUE(gone_back_.empty());
}

TEST_F(ReloadRequestsTest, WhatCannotBeGoneBackToIsTriedAgainUntilItIsConfirmed) {
  ask("1");
  apply(first_);
  for (int tries = 0; tries < 3; ++tries) {
    wait_for_going_back();
    requests_.cannot_go_back({{"f", 1, 1, "listeners[0]", "the port is taken"}});
    EXPECT_NE(requests_.warning().find("the port is taken"), std::string::npos);
    EXPECT_FALSE(ask());
  }
  EXPECT_EQ(gone_back_.back(), first_);
  EXPECT_TRUE(requests_.confirm());
  EXPECT_TRUE(ask());
}

TEST_F(ReloadRequestsTest, WhatMakesNoTimeIsTold) {
  for (const char* time : {"0", "-1", "soon", "3601"}) EXPECT_FALSE(ask(time)) << time;
  for (const json& answer : answers_) EXPECT_TRUE(answer.contains("error"));
}

}  // namespace
}  // namespace postern::net
