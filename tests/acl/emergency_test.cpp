#include "acl/emergency.hpp"

#include <gtest/gtest.h>

namespace postern::acl {
namespace {

TEST(EmergencyNumbers, TheDefaultOnes) {
  const EmergencyNumbers numbers{PolicyOptions()};
  for (const char* number : {"112", "911", "999", "000"}) EXPECT_TRUE(numbers.contains(number)) << number;
  for (const char* number : {"", "1", "11", "1122", "0112", "9112", "+112", "110", "112112"})
    EXPECT_FALSE(numbers.contains(number)) << number;
  EXPECT_EQ(numbers.first(), "112");
  EXPECT_EQ(numbers.gate().name, "emergency");
  EXPECT_TRUE(numbers.gate().at.file.empty());
}

TEST(EmergencyNumbers, BehindOnePrefix) {
  PolicyOptions options;
  options.emergency = {"112", "000"};
  options.emergency_prefixes = {"0", "9", "*31*"};
  const EmergencyNumbers numbers(options);
  for (const char* number : {"112", "0112", "9112", "*31*112", "000", "0000", "9000"}) EXPECT_TRUE(numbers.contains(number)) << number;
  for (const char* number : {"00112", "09112", "8112", "0", "00000", "112000", "0911"}) EXPECT_FALSE(numbers.contains(number)) << number;
}

TEST(EmergencyNumbers, None) {
  PolicyOptions options;
  options.emergency.clear();
  const EmergencyNumbers numbers(options);
  EXPECT_TRUE(numbers.empty());
  EXPECT_FALSE(numbers.contains("112"));
  EXPECT_FALSE(numbers.contains(""));
}

TEST(EmergencyNumbers, WhatIsLongIsNone) {
  PolicyOptions options;
  options.emergency_prefixes = {std::string(32, '0')};
  const EmergencyNumbers numbers(options);
  EXPECT_TRUE(numbers.contains(std::string(32, '0') + "112"));
  EXPECT_FALSE(numbers.contains(std::string(EmergencyNumbers::longest, '0') + "112"));
}

}  // namespace
}  // namespace postern::acl
