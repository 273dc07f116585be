#include "acl/shell_pattern.hpp"

#include <fnmatch.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace postern::acl {
namespace {

bool matches(std::string_view pattern, std::string_view text) { return ShellPattern::compile(pattern).value().matches(text); }

TEST(ShellPattern, MatchesTheWholeText) {
  EXPECT_TRUE(matches("1001", "1001"));
  EXPECT_FALSE(matches("1001", "10011"));
  EXPECT_FALSE(matches("1001", "100"));
  EXPECT_TRUE(matches("T2_*", "T2_1001"));
  EXPECT_TRUE(matches("T2_*", "T2_"));
  EXPECT_FALSE(matches("T2_*", "T3_1001"));
  EXPECT_FALSE(matches("T2_*", "t2_1001")) << "with case";
  EXPECT_TRUE(matches("1?01", "1X01"));
  EXPECT_FALSE(matches("1?01", "101"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "x"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_TRUE(matches("**a**", "bab"));
  EXPECT_TRUE(matches("[1]\\", "[1]\\")) << "nothing but * and ? is special";
  EXPECT_TRUE(matches("?\xff", std::string_view("\0\xff", 2)));
}

TEST(ShellPattern, IsBoundedInLength) {
  const std::string longest(ShellPattern::longest, 'a');
  EXPECT_TRUE(matches(longest, longest));
  EXPECT_TRUE(matches("*" + longest + "*", "xx" + longest + "yy"));
  EXPECT_FALSE(matches(longest, longest + "a"));
  EXPECT_FALSE(ShellPattern::compile(longest + "a"));
  EXPECT_FALSE(ShellPattern::compile(longest + "?"));
}

TEST(ShellPattern, AgreesWithFnmatch) {
  std::mt19937_64 random(7);
  const auto text_of = [&random](const std::string& letters, std::size_t most) {
    std::string text;
    for (std::size_t left = random() % (most + 1); left > 0; --left) text += letters[random() % letters.size()];
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string pattern = text_of("ab*?", 8);
    const std::string text = text_of("ab", 8);
    const bool expected = fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
    ASSERT_EQ(matches(pattern, text), expected) << pattern << " on " << text;
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 1000);
}

}  // namespace
}  // namespace postern::acl
