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
}

TEST(CallingPlace, WhatIsNoWholeInternationalNumberLeadsNowhere) {
  for (const char* number :
       {"", "00", "0301234567", "1001", "0049", "00491234", "00493012a4567", "0049~301234567", "00999123456789", "0021012345678"})
    EXPECT_EQ(place_of(number), "none") << number;
  EXPECT_EQ(place_of("006834123"), "NU") << "the shortest that there are";
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
