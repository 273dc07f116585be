// What stands on top of `postern status` and `postern top`.
#include "sbc/net/warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace postern::net {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Warnings, WhereAllIsWellThereAreNone) {
  WorkerFacts facts;
  facts.engine.pbx_up = {{"10.0.0.5:5060", true}};
  EXPECT_THAT(state_warnings(facts), IsEmpty());
  EXPECT_THAT(switch_warnings({{"bypass", nullptr}, {"lockdown", nullptr}, {"blocks", ordered_json::array()}}), IsEmpty());
}

TEST(Warnings, ThePbxAndWorkers) {
  WorkerFacts facts, other;
  facts.engine.pbx_up = {{"10.0.0.5:5060", true}, {"10.0.0.6:5060", false}};
  other.engine.pbx_up = facts.engine.pbx_up;
  other.probably_banned = true;
  add(facts, other);
  facts.missing = {1};
  EXPECT_THAT(state_warnings(facts), ElementsAre(StartsWith("probably banned by the PBX's fail2ban"),
                                                 "the PBX at 10.0.0.6:5060 does not answer", StartsWith("worker 1 does not answer")));
}

TEST(Warnings, Switches) {
  const ordered_json all{{"device", "1001"}, {"outgoing", false}, {"until", "then"}};
  const ordered_json outgoing{{"device", "1002"}, {"outgoing", true}, {"until", "then"}};
  EXPECT_THAT(
      switch_warnings({{"bypass", "soon"}, {"lockdown", "later"}, {"blocks", ordered_json::array({all, outgoing})}}),
      ElementsAre(StartsWith("bypass until soon: "), HasSubstr("emergency calls"), "1001 is blocked until then (postern block 1001 --off)",
                  "1002 is blocked for what it calls until then (postern block 1002 --off)"));
}

}  // namespace
}  // namespace postern::net
