// What the rules say of a request before all of it is read.
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "acl/policy.hpp"
#include "acl/source_verdicts.hpp"
#include "policy_support.hpp"

namespace postern::acl {
namespace {

using EarlyVerdicts = PolicyTest;

TEST_F(EarlyVerdicts, DropBeforeAMessageIsReadWhatNothingInItCouldSave) {
  RuleOptions& office = rule("office", Action::allow);
  office.when.source = networks({"192.0.2.0/24"});
  rule("denied", Action::drop).when.source = networks({"198.51.100.0/24"});
  rule("scanners", Action::drop).when.user_agent = any_of({"builtin"});
  rule("users", Action::drop).when.to_user = any_of({"1002"});
  const auto policy = compile();
  RequestFacts facts;
  const auto early = [&](const std::string& source, const std::string& user_agent) {
    facts.source = address(source);
    facts.user_agent = user_agent;
    const EarlyVerdict by_source = policy->judge_source(facts);
    const EarlyVerdict by_head = by_source.drops ? by_source : policy->judge_head(facts, by_source.rule);
    return std::tuple(by_source.rule, by_source.drops, by_head.rule, by_head.drops);
  };
  EXPECT_EQ(early("192.0.2.1", "friendly-scanner"), std::tuple(0, false, 0, false));
  EXPECT_EQ(early("198.51.100.1", "Yealink"), std::tuple(1, true, 1, true));
  EXPECT_EQ(early("203.0.113.1", "friendly-scanner"), std::tuple(2, false, 2, true));
  EXPECT_EQ(early("203.0.113.1", "Yealink"), std::tuple(2, false, 3, false)) << "the next one asks for a user";
  EXPECT_TRUE(policy->may_drop_head(2));
  EXPECT_FALSE(policy->may_drop_head(3));
  EXPECT_FALSE(policy->may_drop_head(4)) << "a scanner is banned by it, and that needs the message";
}

TEST(SourceVerdicts, AreThoseOfTheListenerAndTheRegistration) {
  PolicyOptions options;
  RuleOptions& strangers = options.rules.emplace_back();
  strangers.action = Action::drop;
  strangers.when.listener = any_of({"outside"});
  strangers.when.registered = false;
  const auto policy = std::get<0>(Policy::compile(options, {}));
  SourceVerdicts verdicts;
  RequestFacts facts;
  const auto drops = [&](const std::string& source, const char* listener, std::uint8_t number, bool registered) {
    facts.source = address(source);
    facts.listener = listener;
    facts.registered = registered;
    return verdicts.of(facts.source, facts.registered, number, [&] { return policy->judge_source(facts); }).drops;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(drops("192.0.2.1", "outside", 0, false));
    EXPECT_FALSE(drops("192.0.2.1", "outside", 0, true));
    EXPECT_FALSE(drops("192.0.2.1", "inside", 1, false));
    EXPECT_TRUE(drops("2001:db8::1", "outside", 0, false));
    EXPECT_FALSE(drops("0.0.0.0", "inside", 1, false)) << "no place that nobody has taken is its own";
    if (round == 0) verdicts.clear();
  }
}

TEST(SourceVerdicts, MayDropWhoWasDroppedLast) {
  PolicyOptions options;
  RuleOptions& strangers = options.rules.emplace_back();
  strangers.action = Action::drop;
  strangers.when.source = networks({"203.0.113.0/24", "2001:db8::/32"});
  strangers.when.registered = false;
  const auto policy = std::get<0>(Policy::compile(options, {}));
  SourceVerdicts verdicts;
  const auto drops = [&](const std::string& source, bool registered = false) {
    RequestFacts facts;
    facts.source = address(source);
    facts.registered = registered;
    return verdicts.of(facts.source, facts.registered, 0, [&] { return policy->judge_source(facts); }).drops;
  };
  const auto may_drop = [&](const std::string& source) { return verdicts.may_drop(address(source)); };
  EXPECT_FALSE(may_drop("203.0.113.1")) << "nobody has asked yet";
  EXPECT_FALSE(may_drop("0.0.0.0")) << "no place that nobody has taken is its own";
  EXPECT_TRUE(drops("203.0.113.1"));
  EXPECT_TRUE(may_drop("203.0.113.1"));
  EXPECT_FALSE(may_drop("203.0.113.2"));
  EXPECT_FALSE(drops("192.0.2.1"));
  EXPECT_FALSE(may_drop("192.0.2.1"));
  EXPECT_TRUE(drops("2001:db8::1"));
  EXPECT_FALSE(may_drop("2001:db8::1")) << "IPv6 is not remembered";
  EXPECT_FALSE(drops("203.0.113.1", true));
  EXPECT_FALSE(may_drop("203.0.113.1")) << "the last word counts";
  EXPECT_TRUE(drops("203.0.113.1"));
  verdicts.clear();
  EXPECT_FALSE(may_drop("203.0.113.1"));
}

}  // namespace
}  // namespace postern::acl
