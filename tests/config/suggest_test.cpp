#include "config/suggest.hpp"

#include <gtest/gtest.h>

#include <array>

namespace postern::config {
namespace {

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("abc", "abc", 3), 0U);
  EXPECT_EQ(edit_distance("abc", "ABC", 3), 0U);
  EXPECT_EQ(edit_distance("lsiteners", "listeners", 3), 1U);
  EXPECT_EQ(edit_distance("listener", "listeners", 3), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting", 3), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3U);
  EXPECT_EQ(edit_distance("", "ab", 3), 2U);
}

TEST(Suggest, FindsTheNearestOrNone) {
  constexpr std::array<std::string_view, 3> words{"rules", "trusted", "trunks"};
  EXPECT_EQ(nearest("truted", words), "trusted");
  EXPECT_EQ(nearest("TRUNKS", words), "trunks");
  EXPECT_EQ(nearest("tru", words), "trusted") << "cut short";
  EXPECT_EQ(nearest("USA", std::array<std::string_view, 3>{"SA", "UA", "US"}), "US") << "the beginning decides between equals";
  EXPECT_EQ(nearest("something", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(did_you_mean("rule", words), "; did you mean \"rules\"?");
}

}  // namespace
}  // namespace postern::config
