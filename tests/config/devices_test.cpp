// devices and their groups, as files have them.
#include <gmock/gmock.h>

#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(DeviceGroups, AreTakenAsTheyStand) {
  const LoadResult result = load(std::string(smallest) + "device_groups:\n  sales: [\"T2_*\", kx83hd]\n  boss: \"1001\"\n");
  EXPECT_THAT(problems_of(result), IsEmpty());
  EXPECT_THAT(result.config.policy.device_groups,
              ElementsAre(Pair("boss", ElementsAre("1001")), Pair("sales", ElementsAre("T2_*", "kx83hd"))));
}

TEST(DeviceGroups, WhatTheyCannotHold) {
  EXPECT_THAT(problems_with("device_groups:\n  sales: []\n"), ElementsAre("4:10: device_groups.sales: must not be empty"));
  EXPECT_THAT(problems_with("device_groups:\n  sales: [\"" + std::string(64, 'a') + "*\"]\n"),
              ElementsAre("4:11: device_groups.sales[0]: has more than 63 characters beside its `*`"));
  EXPECT_THAT(problems_with("device_groups: {all: [sales, \"2*\"], sales: \"1001\"}\n"),
              ElementsAre("3:23: device_groups.all[0]: warning: is the user \"sales\", not the group of that name: groups hold no groups"));
}

}  // namespace
}  // namespace postern::config::test
