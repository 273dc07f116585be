// What the operator has switched, on the disk and as engines take it.
#include "sbc/net/switch_file.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "sbc/net/operator_words.hpp"
#include "state_support.hpp"

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

class SwitchFileTest : public FolderTest {
 protected:
  [[nodiscard]] SwitchFile file() const { return SwitchFile(folder().string()); }
  static json said(const AnswerPart& answer) {
    std::string text;
    while (answer(text)) {
    }
    return json::parse(text);
  }
  static constexpr acl::TimePoint now{1h};
};

TEST_F(SwitchFileTest, StandAgainAfterARestart) {
  EXPECT_FALSE(said(file().set_lockdown({{"for", "600"}})).contains("error"));
  EXPECT_FALSE(said(file().set_block({{"device", "1001"}, {"for", "3600"}})).contains("error"));
  EXPECT_FALSE(said(file().set_block({{"device", "1002"}, {"for", "3600"}, {"outgoing", "yes"}})).contains("error"));
  const auto switches = file().snapshot(now);
  EXPECT_TRUE(switches->lockdown(now + 590s));
  EXPECT_FALSE(switches->lockdown(now + 601s));
  ASSERT_NE(switches->block_of("1001", now), nullptr);
  EXPECT_FALSE(switches->block_of("1001", now)->outgoing);
  EXPECT_TRUE(switches->block_of("1002", now)->outgoing);
  EXPECT_EQ(switches->block_of("1002", now + 2h), nullptr);
  EXPECT_EQ(switches->block_of("1003", now), nullptr);
}

TEST_F(SwitchFileTest, OneOfTheTwoEndsTheOther) {
  SwitchFile switches = file();
  said(switches.set_lockdown({{"for", "600"}}));
  const json stands = said(switches.set_bypass({{"for", "60"}}));
  EXPECT_TRUE(stands["lockdown"].is_null());
  EXPECT_FALSE(stands["bypass"].is_null());
  EXPECT_TRUE(switches.bypass());
  EXPECT_LE(*switches.next_end(), 60s);
  EXPECT_TRUE(said(switches.set_bypass({{"off", "yes"}}))["bypass"].is_null());
  EXPECT_EQ(switches.next_end(), std::nullopt);
}

TEST_F(SwitchFileTest, WhatMakesNoSwitchIsTold) {
  SwitchFile switches = file();
  for (const char* time : {"", "0", "-1", "604801", "1h"})
    EXPECT_TRUE(said(switches.set_bypass({{"for", time}})).contains("error")) << time;
  EXPECT_TRUE(said(switches.set_block({{"device", "a b"}, {"for", "60"}})).contains("error"));
  EXPECT_TRUE(said(switches.set_block({{"device", "1001"}, {"off", "yes"}})).contains("error"));
  for (std::size_t i = 0; i < SwitchFile::most_blocks; ++i) said(switches.set_block({{"device", std::to_string(i)}, {"for", "60"}}));
  EXPECT_TRUE(said(switches.set_block({{"device", "more"}, {"for", "60"}})).contains("error"));
  EXPECT_FALSE(said(switches.set_block({{"device", "7"}, {"for", "90"}})).contains("error")) << "one that stands is prolonged";
}

TEST_F(SwitchFileTest, WhatNobodyCanHaveSwitchedIsPassedOver) {
  const std::int64_t then = seconds_now();
  write("switches", "bypass " + std::to_string(then + 8 * 86'400) + "\nlockdown soon\nblock 1001\nblock 1002 all " +
                        std::to_string(then + 500 * 86'400) + "\nblock 1003 all " + std::to_string(then + 60) + "\nblock 1004 all " +
                        std::to_string(then - 1) + "\nnothing\n\n");
  const json stands = json::parse(file().json().dump());
  EXPECT_TRUE(stands["bypass"].is_null());
  EXPECT_TRUE(stands["lockdown"].is_null());
  ASSERT_EQ(stands["blocks"].size(), 1U);
  EXPECT_EQ(stands["blocks"][0]["device"], "1003");
}

TEST_F(SwitchFileTest, WithoutAFolderTheyHoldUntilTheEnd) {
  SwitchFile switches("/nowhere/at/all");
  EXPECT_TRUE(said(switches.set_bypass({{"for", "60"}})).contains("warning"));
  EXPECT_TRUE(switches.snapshot(now)->bypass(now + 30s));
}

}  // namespace
}  // namespace postern::net
