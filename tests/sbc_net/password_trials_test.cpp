// The thread that tries weak passwords, and what outlives a restart of it.
#include "sbc/net/password_trials.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "sbc/digest_response.hpp"

namespace postern::net {
namespace {

using namespace std::chrono_literals;

sbc::WatchedDigest made_with(const std::string& password) {
  sbc::WatchedDigest digest;
  digest.username = digest.device = "10\"01";
  digest.realm = "asterisk";
  digest.nonce = "1";
  digest.method = "REGISTER";
  digest.uri = "sip:pbx";
  const sbc::DigestInput input{.algorithm = "",
                               .username = digest.username,
                               .realm = digest.realm,
                               .nonce = digest.nonce,
                               .method = digest.method,
                               .uri = digest.uri,
                               .qop = "",
                               .nc = "",
                               .cnonce = ""};
  digest.response = sbc::DigestResponse::of(input, std::string(32, '0'))->with(password);
  return digest;
}

class PasswordTrialsTest : public ::testing::Test {
 protected:
  PasswordTrialsTest() { std::filesystem::create_directory(folder_); }
  ~PasswordTrialsTest() override { std::filesystem::remove_all(folder_); }
  static bool comes_true(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    return condition();
  }
  [[nodiscard]] std::string kept() const {
    std::ifstream file(folder_ + "/weak_passwords.json");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::string folder_ = ::testing::TempDir() + "password-trials-" + std::to_string(::getpid());
  struct Close {
    void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
  };
  std::unique_ptr<std::FILE, Close> log_file_{std::fopen("/dev/null", "w")};
  Log log_{{}, log_file_.get()};  // ends first: its thread writes what is queued
};

TEST_F(PasswordTrialsTest, AVerdictComesByItselfAndOutlivesARestart) {
  auto accounts = std::make_unique<sbc::WeakPasswords>(1);
  {
    PasswordTrials trials(*accounts, folder_, log_);
    trials.start();
    accounts->hand_in(made_with("10\"01"), acl::Clock::now());
    EXPECT_TRUE(comes_true([&] { return accounts->verdict_on("10\"01").has_value(); }));
    EXPECT_TRUE(comes_true([&] { return !kept().empty(); }));
  }
  EXPECT_NE(kept().find(R"("kind": "user_name")"), std::string::npos) << kept();

  accounts = std::make_unique<sbc::WeakPasswords>(2);
  PasswordTrials again(*accounts, folder_, log_);
  again.start();
  EXPECT_EQ(accounts->verdict_on("10\"01"), sbc::WeakKind::user_name);
  accounts->hand_in(made_with("long and random"), acl::Clock::now());
  EXPECT_TRUE(comes_true([&] { return !accounts->verdict_on("10\"01"); }));
  EXPECT_TRUE(comes_true([&] { return kept() == "[]\n"; }));
}

TEST_F(PasswordTrialsTest, AFileThatMakesNoSenseIsNotBelieved) {
  for (const std::string text :
       {"", "[", "{}", "[1, {\"account\": 7}]", "[{\"account\": \"1\", \"kind\": \"great\"}]", "[{\"kind\": \"digits\"}]"}) {
    std::ofstream(folder_ + "/weak_passwords.json") << text;
    sbc::WeakPasswords accounts(1);
    PasswordTrials trials(accounts, folder_, log_);
    trials.start();
    EXPECT_TRUE(accounts.verdicts().empty()) << text;
  }
}

TEST_F(PasswordTrialsTest, WithoutAFolderItWorksAll) {
  sbc::WeakPasswords accounts(1);
  PasswordTrials trials(accounts, {}, log_);
  trials.start();
  accounts.hand_in(made_with("1234"), acl::Clock::now());
  EXPECT_TRUE(comes_true([&] { return accounts.verdict_on("10\"01") == sbc::WeakKind::digits; }));
}

TEST_F(PasswordTrialsTest, WorkersMayHandInWhileItEndsAndAfterwards) {
  sbc::WeakPasswords accounts(1);
  std::atomic<bool> ended = false;
  std::jthread worker;
  {
    PasswordTrials trials(accounts, {}, log_);
    trials.start();
    worker = std::jthread([&] {
      const sbc::WatchedDigest digest = made_with("long and random");
      while (!ended) accounts.hand_in(digest, acl::Clock::now());
      while (accounts.take()) continue;  // with room again, handing in wakes
      accounts.hand_in(digest, acl::Clock::now());
      EXPECT_TRUE(accounts.take().has_value());
    });
    EXPECT_TRUE(comes_true([&] { return accounts.looked_at() > 0; }));
  }
  ended = true;
}

}  // namespace
}  // namespace postern::net
