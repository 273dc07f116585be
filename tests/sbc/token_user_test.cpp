#include <gtest/gtest.h>

#include <string>

#include "sbc/tokens.hpp"

namespace postern::sbc {
namespace {

TEST(TokenUser, WhatCannotBeATokenIsNotSplit) {
  const std::string long_enough(40, 'A');
  for (const std::string& user : {std::string(), std::string("alice"), std::string("a~b"), std::string("alice~"),
                                  "alice~" + std::string(33, 'A'), "alice~" + std::string(41, 'A'), "alice~" + std::string(322, 'A'),
                                  "alice~" + long_enough + "=", "alice~" + long_enough + "%2", "~" + long_enough + "~x", long_enough}) {
    EXPECT_FALSE(split_token(user)) << user;
  }
}

}  // namespace
}  // namespace postern::sbc
