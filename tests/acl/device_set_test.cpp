#include "acl/device_set.hpp"

#include <gtest/gtest.h>

namespace postern::acl {
namespace {

DeviceSet set_of(const std::vector<std::string>& keys, const DeviceGroups& groups = {}) {
  return std::get<DeviceSet>(DeviceSet::compile(keys, groups));
}

TEST(DeviceSet, HoldsNamesPatternsAndGroups) {
  const DeviceGroups groups{{"sales", {"T2_*", "kx83hd"}}, {"empty", {}}};
  const DeviceSet set = set_of({"1001", "2*", "3??", "sales", "empty"}, groups);
  for (const char* user : {"1001", "2", "2001", "301", "T2_", "T2_101", "kx83hd"}) EXPECT_TRUE(set.contains(user)) << user;
  for (const char* user : {"", "1002", "10011", "3001", "T3_101", "t2_101", "kx83hdx", "sales", "empty"})
    EXPECT_FALSE(set.contains(user)) << user;
}

TEST(DeviceSet, AGroupIsNoPatternOverItsName) {
  EXPECT_FALSE(set_of({"s*"}, {{"sales", {"1001"}}}).contains("1001"));
  EXPECT_FALSE(set_of({"all"}, {{"all", {"sales"}}, {"sales", {"1001"}}}).contains("1001")) << "groups hold no groups";
}

TEST(DeviceSet, ManyNamesAreOneLookUp) {
  std::vector<std::string> keys;
  for (int i = 0; i < 2000; ++i) keys.push_back("ext" + std::to_string(i));
  const DeviceSet set = set_of(keys);
  EXPECT_TRUE(set.contains("ext1999"));
  EXPECT_FALSE(set.contains("ext2000"));
}

TEST(DeviceSet, TellsOfAPatternThatIsTooLong) {
  const std::vector<std::string> keys{"1001", std::string(64, 'a') + "*"};
  const auto result = DeviceSet::compile(keys, {});
  ASSERT_TRUE(std::holds_alternative<std::string>(result));
  EXPECT_NE(std::get<std::string>(result).find("aaa*' is too long"), std::string::npos);
  EXPECT_TRUE(set_of({std::string(100, 'a')}).contains(std::string(100, 'a'))) << "a name may be longer";
}

}  // namespace
}  // namespace postern::acl
