#include "acl/dial_classes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace postern::acl {
namespace {

using Written = std::vector<std::pair<std::string, DialClasses::Class>>;

std::vector<DialClasses::Entry> entries_of(const Written& written) {
  std::vector<DialClasses::Entry> entries;
  for (const auto& [text, in] : written) entries.push_back({std::get<DialPattern>(DialPattern::parse(text)), in});
  return entries;
}

DialClasses classes(const Written& written) { return DialClasses(entries_of(written)); }

TEST(DialClasses, ANumberIsOfItsMostSpecificPatternsClass) {
  enum : DialClasses::Class { internal, national, international, premium };
  const DialClasses of = classes(
      {{"1XXX", internal}, {"*XX", internal}, {"0ZXXXXXXXX", national}, {"00.", international}, {"0900.", premium}, {"00881.", premium}});
  EXPECT_EQ(of.classify("1001"), internal);
  EXPECT_EQ(of.classify("*98"), internal);
  EXPECT_EQ(of.classify("0301234567"), national);
  EXPECT_EQ(of.classify("0900123456"), premium) << "a national number by its digits";
  EXPECT_EQ(of.classify("0900"), std::nullopt);
  EXPECT_EQ(of.classify("09001"), premium);
  EXPECT_EQ(of.classify("0049301234567"), international);
  EXPECT_EQ(of.classify("008816"), premium);
  EXPECT_EQ(of.classify("00881"), international) << "`.` wants one more";
  EXPECT_EQ(of.classify("0088"), international);
  EXPECT_EQ(of.classify("00"), std::nullopt);
  EXPECT_EQ(of.classify("2001"), std::nullopt);
  EXPECT_EQ(of.classify(""), std::nullopt);
}

TEST(DialClasses, OrderIsPlaceByPlaceAndNotByLength) {
  EXPECT_EQ(classes({{"1[2-4]X5", 0}, {"1XX!", 1}}).classify("1235"), 0);
  EXPECT_EQ(classes({{"1NX5", 0}, {"12!", 1}}).classify("1235"), 1) << "one character before a set, whatever follows";
  EXPECT_EQ(classes({{"1NX5", 0}, {"12!", 1}}).classify("1335"), 0);
  EXPECT_EQ(classes({{"12345", 0}, {"1234!", 1}, {"1234X", 2}}).classify("12345"), 0) << "a number before all patterns";
  EXPECT_EQ(classes({{"1X", 0}, {"1X!", 1}}).classify("12"), 1);
  EXPECT_EQ(classes({{"1X", 0}, {"1X.", 1}}).classify("12"), 0);
  EXPECT_EQ(classes({{"XX9", 0}, {"X.", 1}}).classify("128"), 1) << "back to what is less specific";
  EXPECT_EQ(classes({{"[12]3X", 0}, {"[12]3!", 1}, {"1!", 2}}).classify("23"), 1);
  EXPECT_EQ(classes({}).classify("1"), std::nullopt);
  EXPECT_EQ(classes({{"!", 7}}).classify("1"), 7);
  EXPECT_EQ(classes({{"!", 7}}).classify(""), std::nullopt) << "what could not be read is no number of theirs";
  EXPECT_EQ(classes({{std::string(64, 'X'), 3}}).classify(std::string(64, '5')), 3);
  EXPECT_EQ(classes({{std::string(64, 'X'), 3}}).classify(std::string(65, '5')), std::nullopt);
}

/// The definition: of the patterns that match, the one that stands first.
std::optional<DialClasses::Class> by_definition(const std::vector<DialClasses::Entry>& entries, std::string_view number) {
  const DialClasses::Entry* best = nullptr;
  for (const DialClasses::Entry& entry : entries) {
    if (entry.pattern.matches(number) && (best == nullptr || entry.pattern < best->pattern)) best = &entry;
  }
  return best == nullptr ? std::nullopt : std::optional(best->in);
}

TEST(DialClasses, FindsWhatTheDefinitionSays) {
  std::mt19937 random(3);
  const std::vector<std::string> places{"0", "1", "2", "*", "X", "Z", "N", "[0-2]", "[12]", "[02]", "[1*]"};
  const std::vector<std::string> ends{"", "", ".", "!"};
  std::size_t classified = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<DialClasses::Entry> entries;
    for (DialClasses::Class in = 0; in < 40; ++in) {
      std::string text;
      for (std::size_t left = 1 + random() % 4; left > 0; --left) text += places[random() % places.size()];
      text += ends[random() % ends.size()];
      const auto same = [&](const DialClasses::Entry& entry) { return entry.pattern == entries_of({{text, in}})[0].pattern; };
      if (std::ranges::any_of(entries, same)) continue;
      entries.push_back(entries_of({{text, in}})[0]);
    }
    const DialClasses of(entries);
    for (int i = 0; i < 200; ++i) {
      std::string number;
      for (std::size_t left = random() % 6; left > 0; --left) number += "0123*"[random() % 5];
      const auto expected = by_definition(entries, number);
      ASSERT_EQ(of.classify(number), expected) << number;
      classified += expected ? 1 : 0;
    }
  }
  EXPECT_GT(classified, 4000U);
}

TEST(DialClasses, ThousandsOfPatternsCostLittle) {
  Written written;
  std::mt19937 random(5);
  for (DialClasses::Class i = 0; i < 20'000; ++i) written.emplace_back("00" + std::to_string(10'000 + i) + (i % 2 == 0 ? "." : "!"), i);
  const DialClasses of = classes(written);
  std::size_t found = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20'000; ++i) found += of.classify("00" + std::to_string(random() % 40'000) + "77").has_value() ? 1 : 0;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(found, 4000U);
  EXPECT_LT(took.count(), 5) << "a pass over all patterns for each would take minutes";
}

}  // namespace
}  // namespace postern::acl
