#include "sbc/prefix_walks.hpp"

#include <gtest/gtest.h>

#include <string>

namespace postern::sbc {
namespace {

using namespace std::chrono_literals;

class PrefixWalksTest : public ::testing::Test {
 protected:
  bool refused(const std::string& number, std::string_view device = "1001", std::uint64_t source = 4, bool proven = true) {
    return walks_.refused(device, source, number, proven, now_);
  }

  PrefixWalks walks_{64, 1};
  TimePoint now_{1000h};
};

TEST_F(PrefixWalksTest, TheFourthPrefixTells) {
  EXPECT_FALSE(refused("004912345678"));
  EXPECT_FALSE(refused("9004912345678"));
  EXPECT_FALSE(refused("9004912345678")) << "the same again";
  EXPECT_FALSE(refused("812345678"));
  EXPECT_TRUE(refused("2345678")) << "none is one";
  EXPECT_FALSE(refused("712345678")) << "it begins anew";
}

TEST_F(PrefixWalksTest, OtherNumbersDevicesAndSourcesAreOthers) {
  for (const char* prefix : {"1", "2", "3"}) EXPECT_FALSE(refused(std::string(prefix) + "5551234567"));
  EXPECT_FALSE(refused("45551234568"));
  EXPECT_FALSE(refused("45551234567", "1002"));
  EXPECT_FALSE(refused("45551234567", "1001", 6));
  EXPECT_FALSE(refused("45551234567", "1001", 4, false)) << "what can be forged is no proof";
  EXPECT_FALSE(refused("45551234567", "1001", 5, false)) << "nor in a neighbour's name";
  EXPECT_TRUE(refused("45551234567"));
}

TEST_F(PrefixWalksTest, ShortNumbersAndWordsHaveNoPrefix) {
  for (const char* prefix : {"1", "2", "3", "4", "5"}) {
    EXPECT_FALSE(refused(std::string(prefix) + "12345"));
    EXPECT_FALSE(refused(std::string(prefix) + "anybody"));
  }
}

TEST_F(PrefixWalksTest, TenMinutesLaterItIsForgotten) {
  for (const char* prefix : {"1", "2", "3"}) EXPECT_FALSE(refused(std::string(prefix) + "5551234567"));
  now_ += 11min;
  EXPECT_FALSE(refused("45551234567"));
  for (const char* prefix : {"5", "6"}) EXPECT_FALSE(refused(std::string(prefix) + "5551234567"));
  EXPECT_TRUE(refused("75551234567"));
}

TEST_F(PrefixWalksTest, TellsWhatItHadToForget) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(refused(std::to_string(5'551'000 + i)));
  EXPECT_GT(walks_.evictions(), 900U);
}

}  // namespace
}  // namespace postern::sbc
