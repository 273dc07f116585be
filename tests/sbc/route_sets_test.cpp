#include "sbc/route_sets.hpp"

#include <gmock/gmock.h>

namespace postern::sbc {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> found(RouteSets& sets, std::uint64_t dialog) {
  std::vector<std::string> routes{"as it was"};
  const bool kept = sets.find(dialog, routes);
  EXPECT_EQ(kept, routes != std::vector<std::string>{"as it was"});
  return routes;
}

TEST(RouteSets, KeepTheirOrderAndLeaveOthersAlone) {
  RouteSets sets(10);
  sets.put(1, {"<sip:10.0.0.5;lr>", "<sip:10.0.0.9;lr>"});
  EXPECT_THAT(found(sets, 1), ElementsAre("<sip:10.0.0.5;lr>", "<sip:10.0.0.9;lr>"));
  EXPECT_THAT(found(sets, 2), ElementsAre("as it was"));
}

TEST(RouteSets, AreMadeAnewByALaterResponse) {
  RouteSets sets(10);
  sets.put(1, {"<sip:10.0.0.5;lr>"});
  sets.put(1, {"<sip:10.0.0.9;lr>"});
  EXPECT_THAT(found(sets, 1), ElementsAre("<sip:10.0.0.9;lr>"));
  EXPECT_EQ(sets.size(), 1U);
  EXPECT_EQ(sets.evictions(), 0U);
}

TEST(RouteSets, TheLeastRecentlyUsedGoesFirst) {
  RouteSets sets(2);
  sets.put(1, {"a"});
  sets.put(2, {"b"});
  found(sets, 1);
  sets.put(3, {"c"});
  EXPECT_THAT(found(sets, 2), ElementsAre("as it was"));
  EXPECT_THAT(found(sets, 1), ElementsAre("a"));
  EXPECT_EQ(sets.evictions(), 1U);
}

}  // namespace
}  // namespace postern::sbc
