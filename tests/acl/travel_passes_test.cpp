#include "acl/travel_passes.hpp"

#include <gtest/gtest.h>

#include "policy_support.hpp"

namespace postern::acl {
namespace {

using namespace std::chrono_literals;

TEST(TravelPasses, AreForOneDeviceInOneCountryUntilTheirEnd) {
  const TimePoint now{1000h};
  const TravelPasses passes({{"1001", Country::of('J', 'P'), now + 1h}, {"1002", Country::of('D', 'E'), now + 2h}});
  EXPECT_TRUE(passes.hold("1001", Country::of('J', 'P'), now));
  EXPECT_FALSE(passes.hold("1001", Country::of('D', 'E'), now));
  EXPECT_FALSE(passes.hold("1003", Country::of('J', 'P'), now));
  EXPECT_TRUE(passes.name(Country::of('J', 'P'), now));
  EXPECT_FALSE(passes.name(Country::of('U', 'S'), now));
  EXPECT_FALSE(passes.hold("1001", Country::of('J', 'P'), now + 1h));
  EXPECT_FALSE(passes.name(Country::of('J', 'P'), now + 1h));
  EXPECT_FALSE(TravelPasses().name(Country::of('J', 'P'), now));
}

class PassedPolicy : public PolicyTest {};

TEST_F(PassedPolicy, OpensTheRulesThatRefuseByCountryAndNoOther) {
  rule("home alone", Action::drop).when.country = countries({"private"}, true);
  rule("unless at home", Action::reject).unless.country = countries({"private"});
  rule("friends", Action::allow).when.country = countries({"private"}, true);
  rule("no calls", Action::reject).when.methods = any_of({"INVITE"});
  const auto policy = compile();
  RequestFacts facts;
  facts.source = *Address::parse("203.0.113.7");
  facts.method = "INVITE";
  EXPECT_EQ(policy->rule_name(policy->decide(facts).rule), "home alone");
  facts.has_pass = true;
  const Verdict passed = policy->decide(facts);
  EXPECT_EQ(policy->rule_name(passed.rule), "friends") << "a rule that lets in by country still does";
  EXPECT_EQ(policy->rule_name(passed.spared), "home alone");
  options_.rules[2].when.country = countries({"private"});
  EXPECT_EQ(compile()->rule_name(compile()->decide(facts).rule), "no calls");
}

}  // namespace
}  // namespace postern::acl
