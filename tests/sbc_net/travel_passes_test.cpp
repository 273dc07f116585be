// The file of travel passes.
#include "sbc/net/travel_passes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "state_support.hpp"

namespace postern::net {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t day = 86'400;

std::int64_t seconds_now() { return static_cast<std::int64_t>(std::time(nullptr)); }
std::string text_of(const AnswerPart& answer) {
  std::string text;
  while (answer(text)) {
  }
  return text;
}

class TravelPassFileTest : public FolderTest {
 protected:
  [[nodiscard]] TravelPassFile passes() const { return TravelPassFile(folder().string()); }
  [[nodiscard]] std::vector<std::string> devices() const {
    std::vector<std::string> devices;
    for (const auto& pass : nlohmann::json::parse(text_of(passes().list()))) devices.push_back(pass.at("device"));
    return devices;
  }
};

TEST_F(TravelPassFileTest, AreThereAgainAfterARestartForTheirOwnerAlone) {
  EXPECT_EQ(text_of(passes().add({{"device", "1001"}, {"country", "JP"}, {"for", std::to_string(400 * day)}})).find("error"),
            std::string::npos);
  EXPECT_EQ(devices(), std::vector<std::string>{"1001"});
  EXPECT_EQ(std::filesystem::status(folder() / "passes").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(TravelPassFileTest, WhatNobodyCanHaveGivenIsPassedOver) {
  const std::int64_t now = seconds_now();
  const auto line = [](const char* pass, std::int64_t until) { return std::string(pass) + " " + std::to_string(until) + "\n"; };
  write("passes", line("1001 JP", std::numeric_limits<std::int64_t>::max()) + line("1002 JP", now + 401 * day) +
                      line("1003 JP", now + 399 * day) + line("1004 JP", now - 1) + line("1005 Japan", now + day) +
                      "1006 JP -1\n1007 JP 9223372036854775808\n1008\n\n");
  EXPECT_EQ(devices(), std::vector<std::string>{"1003"});
  const auto japan = acl::Country::of('J', 'P');
  const auto snapshot = passes().snapshot(acl::TimePoint{});
  EXPECT_TRUE(snapshot->hold("1003", japan, acl::TimePoint{} + 398 * 24h));
  EXPECT_FALSE(snapshot->hold("1003", japan, acl::TimePoint{} + 400 * 24h));
  EXPECT_FALSE(snapshot->hold("1001", japan, acl::TimePoint{}));
}

TEST_F(TravelPassFileTest, WhatCannotBeKeptIsNotGiven) {
  TravelPassFile file(folder().string());
  std::filesystem::create_directory(folder() / "passes.new");  // in the way
  EXPECT_NE(text_of(file.add({{"device", "1001"}, {"country", "JP"}, {"for", "60"}})).find("error"), std::string::npos);
  EXPECT_EQ(text_of(file.list()), "[]\n");
}

}  // namespace
}  // namespace postern::net
