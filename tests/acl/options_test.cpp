#include "acl/options.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace postern::acl {
namespace {

TEST(Country, ReadsCodesAndWords) {
  EXPECT_EQ(Country::parse("US"), Country::of('U', 'S'));
  EXPECT_EQ(Country::parse("no"), Country::of('N', 'O'));
  EXPECT_EQ(Country::parse("private"), Country::private_);
  EXPECT_EQ(Country::parse("unknown"), Country::unknown);
  for (const char* text : {"", "U", "USA", "U1", "1U", "U ", "\xc3\x84", "Private", "--"}) EXPECT_FALSE(Country::parse(text)) << text;
}

TEST(Country, WritesWhatItReads) {
  for (const char* text : {"US", "NO", "private", "unknown"}) EXPECT_EQ(Country::parse(text)->to_string(), text);
  EXPECT_EQ(Country{}.to_string(), "");
}

TEST(Conditions, AreEmptyUntilOneIsSet) {
  EXPECT_TRUE(Conditions{}.empty());
  Conditions conditions;
  conditions.registered = false;
  EXPECT_FALSE(conditions.empty());
  conditions = {};
  conditions.request_user.emplace();
  EXPECT_FALSE(conditions.empty());
  conditions = {};
  conditions.source.emplace();
  EXPECT_FALSE(conditions.empty());
}

TEST(Action, HasAWord) {
  EXPECT_STREQ(to_string(Action::allow), "allow");
  EXPECT_STREQ(to_string(Action::drop), "drop");
  EXPECT_STREQ(to_string(Action::reject), "reject");
  EXPECT_STREQ(to_string(Action::ban), "ban");
}

}  // namespace
}  // namespace postern::acl
