// Texts as man pages show them.
#include <gmock/gmock.h>

#include "config/roff.hpp"

namespace postern::config::test {
namespace {

TEST(Roff, MarksUpWhatTextsMark) {
  EXPECT_EQ(roff("`pbx.bind`, or *now*: [how it goes](operations.md#reloading)."), "\\fBpbx.bind\\fR, or \\fInow\\fR: how it goes.");
  EXPECT_EQ(roff("users, with * and ?, and [`code`](a.md) in [..]"), "users, with * and ?, and \\fBcode\\fR in [..]");
}

TEST(Roff, NothingOfATextIsARequest) {
  EXPECT_EQ(roff(".TH is none"), "\\&.TH is none");
  EXPECT_EQ(roff("'so"), "\\&'so");
  EXPECT_EQ(roff_verbatim("a\\b --json\n.x `y`"), "a\\eb \\-\\-json\n\\&.x `y`");
}

TEST(Roff, APageHasParagraphsListsAndExamples) {
  EXPECT_EQ(roff_page("One\nparagraph.\n\n- an item\n  of two lines\n- another\n\n```yaml\n  a: b\n```\n\nThe end.\n"),
            "One paragraph.\n.IP \\(bu 2\nan item of two lines\n.IP \\(bu 2\nanother\n.PP\n.EX\n  a: b\n.EE\n.PP\nThe end.\n");
}

}  // namespace
}  // namespace postern::config::test
