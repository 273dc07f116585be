// UTF-8, and the characters that deceive who reads them.
#include "sip/utf8.hpp"

#include <gtest/gtest.h>

namespace postern::sip {
namespace {

TEST(Utf8, OneCharacterAtTheFront) {
  EXPECT_EQ(front_character("").length, 0U);
  EXPECT_EQ(front_character("ab").value, 'a');
  EXPECT_EQ(front_character("\xc3\xa9x").value, 0xe9U);
  EXPECT_EQ(front_character("\xf0\x9f\x93\x9e").length, 4U);
  for (const char* bad : {"\x80", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80"})
    EXPECT_EQ(front_character(bad).length, 0U) << bad;
}

TEST(Utf8, WhatShowsNothingOrTurnsTheLineDeceives) {
  for (const std::uint32_t value : {0x1bU, 0x7fU, 0x85U, 0xadU, 0x115fU, 0x1160U, 0x180eU, 0x200bU, 0x202eU, 0x2060U, 0x2066U, 0x3164U,
                                    0xfeffU, 0xffa0U, 0xe0000U, 0xe0041U, 0xe007fU})
    EXPECT_TRUE(is_deceptive(value)) << std::hex << value;
  for (const std::uint32_t value : {0x20U, 0x41U, 0xa0U, 0xe9U, 0x2010U, 0x20acU, 0x3042U, 0xac00U, 0x1f4deU, 0x10ffffU})
    EXPECT_FALSE(is_deceptive(value)) << std::hex << value;
}

}  // namespace
}  // namespace postern::sip
