// Reads on a thread of its own, one after the other; going back drops what is being read.
#include "sbc/net/reloads.hpp"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "sbc/net/log.hpp"
#include "state_support.hpp"

namespace postern::net {
namespace {

using namespace std::chrono_literals;

class ReloadsTest : public FolderTest {
 protected:
  static Configuration configuration(const std::string& text) {
    Configuration made;
    made.text = text;
    auto compiled = acl::Policy::compile(made.rules, {});
    made.policy = std::get<std::shared_ptr<const acl::Policy>>(std::move(compiled));
    return made;
  }
  /// Reads what the file says once the test lets it.
  Configuration load() {
    reading_.release();
    may_go_on_.acquire();
    if (file_.empty()) throw std::runtime_error("no memory");
    return configuration(file_);
  }
  /// Until one more has been read.
  void wait() {
    const std::size_t had = done_.size();
    while (done_.size() == had) ASSERT_GT(io_.run_one_for(10s), 0U);
  }
  /// What done() was given: of each the text, and "back" behind one that was gone back to.
  void note(const Reloads::Result& result) {
    done_.push_back(result.configuration.text + (result.back ? " back" : "") + (result.setups.empty() ? " broken" : ""));
  }

  std::string file_ = "new";
  std::binary_semaphore reading_{0}, may_go_on_{0};
  std::vector<std::string> done_;
  std::shared_ptr<const Configuration> current_ = std::make_shared<const Configuration>(configuration("old"));
  Log log_{LogOptions{.level = LogLevel::error}};
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> stays_{io_.get_executor()};
  DynamicNames names_{folder().string(), {}, log_, [] {}};
  Reloads reloads_{io_, [this](const NameAnswers&, const std::string*) { return load(); }, names_, [this] { return current_; },
                   [this](const Reloads::Result& result) { note(result); }};
};

TEST_F(ReloadsTest, RequestsMeanwhileMakeOneMore) {
  reloads_.request(Reloads::What::file);
  reading_.acquire();
  reloads_.request(Reloads::What::names);
  reloads_.request(Reloads::What::file);
  may_go_on_.release();
  wait();
  reading_.acquire();
  file_ = "newer";
  may_go_on_.release();
  wait();
  EXPECT_EQ(done_, (std::vector<std::string>{"new", "newer"}));
}

TEST_F(ReloadsTest, GoingBackDropsWhatIsBeingReadAndWhatWasToBe) {
  reloads_.request(Reloads::What::file);
  reading_.acquire();
  reloads_.request(Reloads::What::names);
  reloads_.go_back(std::make_shared<const Configuration>(configuration("before")));
  may_go_on_.release();
  wait();
  EXPECT_EQ(done_, (std::vector<std::string>{"before back"}));
  reloads_.request(Reloads::What::file);
  reading_.acquire();
  may_go_on_.release();
  wait();
  EXPECT_EQ(done_.back(), "new");
}

TEST_F(ReloadsTest, GoingBackWaitsForNothing) {
  reloads_.go_back(std::make_shared<const Configuration>(configuration("before")));
  wait();
  EXPECT_EQ(done_, (std::vector<std::string>{"before back"}));
}

TEST_F(ReloadsTest, WhatThrowsIsAnError) {
  file_.clear();
  reloads_.request(Reloads::What::file);
  reading_.acquire();
  may_go_on_.release();
  wait();
  EXPECT_EQ(done_, (std::vector<std::string>{" broken"}));
}

}  // namespace
}  // namespace postern::net
