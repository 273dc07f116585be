// Which country a number leads to.
#include "acl/calling_codes.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern::acl {
namespace {

std::string place_of(std::string_view number) {
  const auto place = CallingPlace::of(number);
  return place ? std::string(place->word()) : "none";
}

TEST(CallingPlace, TheLongestCodeDecides) {
  EXPECT_EQ(place_of("00493012345678"), "DE");
  EXPECT_EQ(place_of("0037167000000"), "LV");
  EXPECT_EQ(place_of("0012125550100"), "US/CA");
  EXPECT_EQ(place_of("0018765550100"), "JM");
  EXPECT_EQ(place_of("0074951234567"), "RU");
  EXPECT_EQ(place_of("0077271234567"), "KZ");
  EXPECT_EQ(place_of("003906123456"), "IT");
  EXPECT_EQ(place_of("00390669812345"), "VA");
  EXPECT_EQ(place_of("00262262123456"), "RE");
  EXPECT_EQ(place_of("00262269123456"), "YT");
  EXPECT_EQ(place_of("008816123456"), "satellite");
  EXPECT_EQ(place_of("00870773123456"), "satellite");
  EXPECT_EQ(place_of("00979123456789"), "premium");
  EXPECT_EQ(place_of("001137167000000"), "LV") << "from Australia";
}

TEST(CallingPlace, WhatIsNoWholeInternationalNumberLeadsNowhere) {
  for (const char* number :
       {"", "00", "0301234567", "1001", "0049", "00491234", "00493012a4567", "0049~301234567", "00999123456789", "0021012345678"})
    EXPECT_EQ(place_of(number), "none") << number;
  EXPECT_EQ(place_of("006834123"), "NU") << "the shortest that there are";
}

std::string place_at(const PolicyOptions& options, std::string_view number) {
  const auto place = CallingPlaces(options).of(number);
  return place ? std::string(place->word()) : "none";
}

PolicyOptions with_classes(std::vector<DialClassOptions> classes) {
  PolicyOptions options;
  options.calls.emplace();
  options.calls->classes = std::move(classes);
  return options;
}

TEST(CallingPlaces, BehindTheDigitsForAnOutsideLineToo) {
  PolicyOptions options;
  options.emergency_prefixes = {"0", "9"};
  EXPECT_EQ(place_at(options, "0037167000000"), "LV");
  EXPECT_EQ(place_at(options, "00037167000000"), "LV");
  EXPECT_EQ(place_at(options, "90037167000000"), "LV");
  EXPECT_EQ(place_at(options, "9037167000000"), "none") << "a number of one's own country";
  EXPECT_EQ(place_at({}, "90037167000000"), "none");
}

TEST(CallingPlaces, BehindAnotherInternationalPrefixWhereAClassNamesIt) {
  const auto america = with_classes({{"international", {"00.", "011.", "1242NXXXXXX"}}});
  EXPECT_EQ(place_at(america, "01137167000000"), "LV");
  EXPECT_EQ(place_at(america, "0037167000000"), "LV");
  EXPECT_EQ(place_at(america, "12125550100"), "none");
  EXPECT_EQ(place_at(with_classes({{"abroad", {"_010.", "00."}}}), "01037167000000"), "LV");
}

TEST(CallingPlaces, NeverForANumberOfACityThatLooksLikeIt) {
  EXPECT_EQ(place_at({}, "01134960000"), "none") << "Leeds";
  EXPECT_EQ(place_at(with_classes({{"national", {"01.", "011XXXXXXXX", "011."}}, {"international", {"00."}}}), "01134960000"), "none");
  EXPECT_EQ(place_at(with_classes({{"international", {"00.", "010.", "011.", "119.", "810."}}}), "01134960000"), "none")
      << "whoever wrote that knows no country";
}

TEST(CallingPlace, IsFoundAgainByItsWordAndItsIndex) {
  std::set<std::size_t> indexes;
  for (int code = 1; code < 1000; ++code) {
    const auto place = CallingPlace::of("00" + std::to_string(code) + "1234567");
    if (!place) continue;
    ASSERT_LT(place->index(), CallingPlace::most);
    EXPECT_EQ(CallingPlace::at(place->index()), *place);
    EXPECT_EQ(CallingPlace::named(place->word()), place);
    EXPECT_EQ(place->word().find_first_of(" \n"), std::string_view::npos) << place->word();
    indexes.insert(place->index());
  }
  EXPECT_GT(indexes.size(), 190U);
  EXPECT_FALSE(CallingPlace::named("XX"));
}

}  // namespace
}  // namespace postern::acl
