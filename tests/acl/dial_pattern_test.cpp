#include "acl/dial_pattern.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::acl {
namespace {

DialPattern pattern(std::string_view text) {
  auto parsed = DialPattern::parse(text);
  if (const auto* error = std::get_if<std::string>(&parsed)) ADD_FAILURE() << text << ": " << *error;
  return std::get<DialPattern>(std::move(parsed));
}

std::string error_of(std::string_view text) {
  const auto parsed = DialPattern::parse(text);
  const auto* error = std::get_if<std::string>(&parsed);
  return error == nullptr ? "none" : *error;
}

TEST(DialPattern, MatchesAsAsteriskDoes) {
  struct Case {
    const char* pattern;
    std::vector<const char*> matches, differs;
  };
  const std::vector<Case> cases{
      {"1XXX", {"1000", "1999"}, {"100", "10000", "2000", "1a00", ""}},
      {"NZX", {"210", "999"}, {"110", "200", "20", "2100"}},
      {"nzx", {"210"}, {"nzx"}},
      {"*XX", {"*00"}, {"00", "*0", "**0"}},
      {"#1", {"#1"}, {"1", "#11"}},
      {"[13-5]0", {"10", "30", "40", "50"}, {"20", "-0", "60"}},
      {"[A-D*]", {"A", "D", "*"}, {"a", "E", "B1"}},
      {"00.", {"001", "0049301234567", "00*"}, {"00", "0", "01", ""}},
      {"00!", {"00", "001"}, {"0", "01"}},
      {"!", {"", "1", "anybody"}, {}},
      {".", {"1", "anybody"}, {""}},
      {"_0-800-X.", {"080011"}, {"08001", "0-800-11"}},
      {"1-!-", {"1", "12"}, {""}},
      {"112", {"112"}, {"1122", "11"}},
      {"bob", {"bob"}, {"Bob", "bo"}},
  };
  for (const Case& each : cases) {
    for (const char* number : each.matches) EXPECT_TRUE(pattern(each.pattern).matches(number)) << each.pattern << " on " << number;
    for (const char* number : each.differs) EXPECT_FALSE(pattern(each.pattern).matches(number)) << each.pattern << " on " << number;
  }
  EXPECT_FALSE(pattern("[0-9]").matches("\xb1")) << "no number's character";
}

TEST(DialPattern, NamesTheLetterThatIsWrong) {
  EXPECT_EQ(error_of("0Y1"), "character 2 (`Y`): is none of X, Z and N; where it is meant as itself, write [Y]");
  EXPECT_EQ(error_of("[Y]"), "none");
  EXPECT_EQ(error_of("0.1"), "character 2 (`.`): `.` stands at the end of a pattern alone");
  EXPECT_EQ(error_of("1!."), "character 2 (`!`): `!` stands at the end of a pattern alone");
  EXPECT_EQ(error_of("1[23"), "character 2 (`[`): `[` is not closed");
  EXPECT_EQ(error_of("1[]3"), "character 2 (`[`): nothing stands between `[` and `]`");
  EXPECT_EQ(error_of("1]3"), "character 2 (`]`): `]` closes nothing");
  EXPECT_EQ(error_of("[5-1]"), "character 2 (`5`): the range `5-1` holds nothing");
  EXPECT_EQ(error_of("[-1]"), "character 2 (`-`): no number has such a character");
  EXPECT_EQ(error_of("0 1"), "character 2: no number has such a character");
  EXPECT_EQ(error_of("0/1"), "character 2 (`/`): no number has such a character");
  EXPECT_EQ(error_of("+44."), "character 1 (`+`): a number's leading + is read as 00, so write 00");
  EXPECT_EQ(error_of(std::string("1\x80", 2)), "character 2: no number has such a character");
  EXPECT_EQ(error_of(""), "is empty");
  EXPECT_EQ(error_of("_-"), "is empty");
  EXPECT_EQ(error_of(std::string(65, '1')), "is longer than 64 characters");
  EXPECT_EQ(error_of(std::string(64, 'X')), "none");
}

// Each stands before the next, as ext_cmp() of Asterisk's pbx.c puts them: a plain number first; else place by place, one character before
// a set, a smaller set before a larger one, of two equally large that with the lower first character and then the lower others; then `.`,
// then `!`, then nothing.
TEST(DialPattern, IsOrderedAsAsteriskSorts) {
  const std::vector<std::vector<const char*>> chains{
      {"112", "11[23]", "11N", "11Z", "11X", "11.", "11!", "1X2"},
      {"00881.", "00[89]8.", "00."},
      {"0900.", "0Z00XXXXXX", "0ZXXXXXXXX"},
      {"1[1-2]", "1[2-3]", "1[1-3]", "1[2-4]", "1N", "1Z", "1X"},
      {"1[12]X", "1[13]X", "1[23]X"},
      {"1[159]X", "1[168]X", "1[2345]X"},
      {"12X.", "12.", "12!", "1X."},
      {"1X!", "1X"},
      {"#X", "*X", "0X", "9X", "AX"},
      {"999", "_1X"},
      {"X9", "X[0-8]", "XX"},
  };
  for (const auto& chain : chains) {
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
      EXPECT_LT(pattern(chain[i]), pattern(chain[i + 1])) << chain[i] << " before " << chain[i + 1];
      EXPECT_GT(pattern(chain[i + 1]), pattern(chain[i])) << chain[i + 1] << " behind " << chain[i];
    }
  }
  for (const auto& [one, other] : {std::pair("[0-9]1.", "X1."), {"_11X", "1-1X"}, {"[1]12", "112"}, {"[2-9]!", "n!"}, {"[21]", "[12]"}})
    EXPECT_EQ(pattern(one), pattern(other)) << one << " is " << other;
}

TEST(DialPattern, OverlapsWhereANumberMatchesBoth) {
  struct Case {
    const char *one, *other;
    bool overlap;
  };
  for (const Case& each : {Case{"00.", "00881.", true},
                           {"0900.", "0ZXXXXXXXX", true},
                           {"0900.", "00.", false},
                           {"1XXX", "1X", false},
                           {"1X.", "1X", false},
                           {"1X!", "1X", true},
                           {"1X.", "1X!", true},
                           {"1.", "1XX", true},
                           {"1!", "1", true},
                           {"1.", "1", false},
                           {"[1-3]X", "[3-5]X", true},
                           {"[1-3]X", "[4-5]X", false}}) {
    EXPECT_EQ(pattern(each.one).overlaps(pattern(each.other)), each.overlap) << each.one << ", " << each.other;
    EXPECT_EQ(pattern(each.other).overlaps(pattern(each.one)), each.overlap) << each.other << ", " << each.one;
  }
}

TEST(DialledNumber, IsWhatPatternsSee) {
  const auto read = [](std::string_view dialled) { return std::string(DialledNumber(dialled).text); };
  EXPECT_EQ(read("0049301234567"), "0049301234567");
  EXPECT_EQ(read("+49301234"), "0049301234");
  EXPECT_EQ(read("+"), "00");
  EXPECT_EQ(read("++49"), "00+49") << "one leading + is read so";
  EXPECT_EQ(read("0+49"), "0+49");
  EXPECT_EQ(read("*98#"), "*98#");
  EXPECT_EQ(read("bob"), "bob");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read(std::string(128, '1')), std::string(128, '1'));
  EXPECT_EQ(read(std::string(129, '1')), "") << "longer than any number";
  EXPECT_EQ(read("+" + std::string(126, '1')), "00" + std::string(126, '1'));
  EXPECT_EQ(read("+" + std::string(127, '1')), "");
}

}  // namespace
}  // namespace postern::acl
