#include "acl/policy.hpp"

#include <gtest/gtest.h>

#include "acl/user_agent_memory.hpp"
#include "policy_support.hpp"

namespace postern::acl {
namespace {

TEST_F(PolicyTest, WithoutRulesScannersAreBannedAndTheRestPasses) {
  const auto policy = compile();
  ASSERT_EQ(policy->rules().size(), 1U);
  EXPECT_EQ(policy->rules()[0].name, "builtin scanners");
  EXPECT_EQ(policy->rules()[0].ban_time, std::chrono::hours(1));
  EXPECT_TRUE(policy->rules()[0].at.file.empty());

  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(policy->decide(facts).action, Action::allow);
  EXPECT_EQ(policy->decide(facts).rule, Verdict::default_rule);
  facts.user_agent = "friendly-scanner";
  EXPECT_EQ(policy->decide(facts).action, Action::ban);
  EXPECT_EQ(policy->decide(facts).rule, 0);
  facts.user_agent = "";
  EXPECT_EQ(policy->decide(facts).action, Action::allow);
}

TEST_F(PolicyTest, BuiltinScannersStandAfterTheOperatorsRulesAndCanBeOff) {
  rule("office", Action::allow).when.source = networks({"203.0.113.0/24"});
  RequestFacts facts = invite("203.0.113.7");
  facts.user_agent = "friendly-scanner";
  EXPECT_EQ(deciding(facts), "office");
  facts.source = address("192.0.2.1");
  EXPECT_EQ(deciding(facts), "builtin scanners");
  options_.builtin_scanners = false;
  EXPECT_EQ(deciding(facts), "default_action");
  EXPECT_EQ(compile()->rules().size(), 1U);
}

TEST_F(PolicyTest, TheDefaultActionIsTheOperators) {
  options_.default_action = Action::drop;
  const Verdict verdict = compile()->decide(invite("192.0.2.1"));
  EXPECT_EQ(verdict.action, Action::drop);
  EXPECT_EQ(verdict.rule, Verdict::default_rule);
}

TEST_F(PolicyTest, TheFirstMatchDecides) {
  rule("first", Action::drop).when.source = networks({"192.0.2.0/25"});
  rule("second", Action::reject).when.source = networks({"192.0.2.0/24"});
  rule("rest", Action::allow);
  EXPECT_EQ(deciding(invite("192.0.2.1")), "first");
  EXPECT_EQ(deciding(invite("192.0.2.200")), "second");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "rest") << "a rule without conditions matches everything";
}

TEST_F(PolicyTest, SourcesOfBothFamilies) {
  rule("mixed", Action::drop).when.source = networks({"192.0.2.0/24", "2001:db8::/32", "0.0.0.0/8"});
  EXPECT_EQ(deciding(invite("192.0.2.9")), "mixed");
  EXPECT_EQ(deciding(invite("::ffff:192.0.2.9")), "mixed");
  EXPECT_EQ(deciding(invite("2001:db8:1::1")), "mixed");
  EXPECT_EQ(deciding(invite("192.0.3.9")), "default_action");
  EXPECT_EQ(deciding(invite("::1")), "default_action");
}

TEST_F(PolicyTest, NegationOfASourceList) {
  rule("outside", Action::drop).when.source = networks({"192.0.2.0/24", "2001:db8::/32"}, true);
  EXPECT_EQ(deciding(invite("192.0.2.9")), "default_action");
  EXPECT_EQ(deciding(invite("2001:db8::1")), "default_action");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "outside");
}

TEST_F(PolicyTest, AllConditionsMustHold) {
  RuleOptions& both = rule("both", Action::drop);
  both.when.source = networks({"192.0.2.0/24"});
  both.when.methods = any_of({"REGISTER", "INVITE"});
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "both");
  facts.method = "OPTIONS";
  EXPECT_EQ(deciding(facts), "default_action");
  facts.method = "invite";
  EXPECT_EQ(deciding(facts), "default_action") << "method names have case (RFC 3261 section 7.1)";
  facts = invite("198.51.100.1");
  EXPECT_EQ(deciding(facts), "default_action");
}

TEST_F(PolicyTest, MethodsListenersAndTransportsCanBeNegated) {
  rule("method", Action::drop).when.methods = none_of({"REGISTER", "INVITE"});
  rule("listener", Action::drop).when.listener = none_of({"tls", "udp://0.0.0.0:5060"});
  rule("transport", Action::drop).when.transport = none_of({"udp", "tls"});
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "default_action");
  facts.method = "X-ODD";
  EXPECT_EQ(deciding(facts), "method") << "a word that no rule names is not among them";
  facts = invite("192.0.2.1");
  facts.listener = "udp://0.0.0.0:5062";
  EXPECT_EQ(deciding(facts), "listener");
  facts = invite("192.0.2.1");
  facts.transport = "tcp";
  EXPECT_EQ(deciding(facts), "transport");
}

TEST_F(PolicyTest, ListenersAndTransports) {
  rule("tls", Action::reject).when.listener = any_of({"tls"});
  rule("tcp", Action::drop).when.transport = any_of({"tcp", "ws"});
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "default_action");
  facts.listener = "tls";
  EXPECT_EQ(deciding(facts), "tls");
  facts.listener = "tcp";
  EXPECT_EQ(deciding(facts), "default_action") << "a listener's name is no transport";
  facts.transport = "ws";
  EXPECT_EQ(deciding(facts), "tcp");
}

TEST_F(PolicyTest, AnEmptyListHoldsNobody) {
  rule("nobody", Action::drop).when.source = networks({});
  rule("everybody", Action::reject).when.methods = none_of({});
  EXPECT_EQ(deciding(invite("192.0.2.1")), "everybody");
}

TEST_F(PolicyTest, Users) {
  rule("tenant", Action::drop).when.from_user = any_of({"T2_*", "kx83hd"});
  rule("to", Action::drop).when.to_user = any_of({"9??"});
  rule("request", Action::drop).when.request_user = none_of({"1*", "\\*97"});
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "default_action");
  facts.from_user = "T2_1001";
  EXPECT_EQ(deciding(facts), "tenant");
  facts.from_user = "t2_1001";
  EXPECT_EQ(deciding(facts), "default_action");
  facts.to_user = "911";
  EXPECT_EQ(deciding(facts), "to");
  facts.to_user = "1002";
  facts.request_user = "0044";
  EXPECT_EQ(deciding(facts), "request");
}

TEST_F(PolicyTest, Registered) {
  rule("known", Action::drop).when.registered = true;
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "default_action");
  facts.registered = true;
  EXPECT_EQ(deciding(facts), "known");
  options_.rules[0].when.registered = false;
  EXPECT_EQ(deciding(facts), "default_action");
  facts.registered = false;
  EXPECT_EQ(deciding(facts), "known");
}

TEST_F(PolicyTest, UserAgentSets) {
  options_.user_agents["desk-phones"] = {"^Yealink", "^Grandstream"};
  options_.user_agents["scanners"] = {"builtin", "^evilphone/"};
  rule("scanner", Action::ban).when.user_agent = any_of({"scanners"});
  rule("no desk phone", Action::drop).when.user_agent = none_of({"desk-phones", "scanners"});
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "default_action");
  facts.user_agent = "EvilPhone/2";
  EXPECT_EQ(deciding(facts), "scanner");
  facts.user_agent = "sipcli/v1.8";
  EXPECT_EQ(deciding(facts), "scanner");
  facts.user_agent = "baresip";
  EXPECT_EQ(deciding(facts), "no desk phone");
}

TEST_F(PolicyTest, TheShippedSetCanBeNamedByItself) {
  options_.builtin_scanners = false;
  rule("scanner", Action::drop).when.user_agent = any_of({"builtin"});
  RequestFacts facts = invite("192.0.2.1");
  facts.user_agent = "pplsip";
  EXPECT_EQ(deciding(facts), "scanner");
}

TEST_F(PolicyTest, MoreThan64PatternSets) {
  for (int i = 0; i < 70; ++i) {
    const std::string name = "set" + std::to_string(100 + i);
    options_.user_agents[name] = {"^phone-" + std::to_string(i) + "$"};
    rule(name, Action::drop).when.user_agent = any_of({name});
    rule(name + " again", Action::drop).when.user_agent = any_of({name});
  }
  RequestFacts facts = invite("192.0.2.1");
  for (const int i : {0, 62, 63, 64, 69}) {
    const std::string agent = "phone-" + std::to_string(i);
    facts.user_agent = agent;
    EXPECT_EQ(deciding(facts), "set" + std::to_string(100 + i));
  }
}

TEST_F(PolicyTest, UnlessMustNotHold) {
  RuleOptions& home = rule("only from home", Action::reject);
  home.when.methods = any_of({"REGISTER", "INVITE"});
  home.unless.source = networks({"192.0.2.0/24"});
  EXPECT_EQ(deciding(invite("192.0.2.1")), "default_action");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "only from home");
}

TEST_F(PolicyTest, UnlessHoldsOnlyIfAllOfItHolds) {
  RuleOptions& both = rule("unless both", Action::reject);
  both.unless.source = networks({"192.0.2.0/24"});
  both.unless.transport = any_of({"tls"});
  both.unless.user_agent = any_of({"builtin"});
  RequestFacts facts = invite("192.0.2.1");
  EXPECT_EQ(deciding(facts), "unless both");
  facts.transport = "tls";
  EXPECT_EQ(deciding(facts), "unless both");
  facts.user_agent = "sipvicious";
  EXPECT_EQ(deciding(facts), "builtin scanners");
  facts.source = address("198.51.100.1");
  EXPECT_EQ(deciding(facts), "unless both");
}

TEST_F(PolicyTest, ShadowRulesAreRememberedAndTheNextRuleDecides) {
  rule("shadow", Action::ban).log_only = true;
  rule("no match", Action::drop).when.methods = any_of({"MESSAGE"});
  options_.rules.back().log_only = true;
  rule("shadow too", Action::drop).log_only = true;
  rule("real", Action::reject).when.methods = any_of({"INVITE"});
  rule("never reached", Action::drop).log_only = true;
  const Verdict verdict = compile()->decide(invite("192.0.2.1"));
  EXPECT_EQ(verdict.action, Action::reject);
  EXPECT_EQ(verdict.rule, 3);
  ASSERT_EQ(verdict.shadow_count, 2);
  EXPECT_EQ(verdict.shadows[0], 0);
  EXPECT_EQ(verdict.shadows[1], 2);
}

TEST_F(PolicyTest, RemembersABoundedNumberOfShadows) {
  for (int i = 0; i < 20; ++i) rule("", Action::drop).log_only = true;
  const Verdict verdict = compile()->decide(invite("192.0.2.1"));
  EXPECT_EQ(verdict.action, Action::allow);
  EXPECT_EQ(verdict.shadow_count, Verdict::max_shadows);
  EXPECT_EQ(verdict.shadows.back(), 7);
}

TEST_F(PolicyTest, NamesItsRules) {
  rule("mine", Action::drop);
  rule("", Action::drop);
  const auto policy = compile();
  EXPECT_EQ(policy->rule_name(0), "mine");
  EXPECT_EQ(policy->rule_name(1), "rules[1]");
  EXPECT_EQ(policy->rule_name(2), "builtin scanners");
  EXPECT_EQ(policy->rule_name(Verdict::default_rule), "default_action");
  EXPECT_EQ(policy->rule_name(99), "default_action");
}

TEST_F(PolicyTest, SaysWhatItCannotCompile) {
  rule("a", Action::drop).when.user_agent = any_of({"nobody"});
  EXPECT_NE(error().find("rules[0].user_agent: there is no pattern set 'nobody'"), std::string::npos);
  options_.rules[0].when = {};
  options_.rules[0].unless.user_agent = any_of({"nobody"});
  EXPECT_NE(error().find("rules[0].unless.user_agent"), std::string::npos);
  options_.rules.clear();
  options_.user_agents["bad"] = {"("};
  EXPECT_NE(error().find("user_agents.bad: pattern '('"), std::string::npos);
  options_.user_agents = {{"builtin", {"x"}}};
  EXPECT_NE(error().find("'builtin'"), std::string::npos);
  options_.user_agents.clear();
  rule("long", Action::drop).when.to_user = any_of({std::string(100, 'x')});
  EXPECT_NE(error().find("rules[0].to_user"), std::string::npos);
}

class GeoPolicyTest : public PolicyTest {
 protected:
  void SetUp() override {
    const auto path = folder_ / "geo.mmdb";
    if (!make_mmdb(path, "flat", 6, "192.0.2.0/24 US 64500\n198.51.100.0/24 NO 64501\n2001:db8::/32 CA 64502\n")) {
      GTEST_SKIP() << "the Perl module MaxMind::DB::Writer is missing";
    }
    geo_.countries = geo_.asns = std::get<0>(GeoDatabase::open(path));
  }
  TemporaryFolder folder_;
};

TEST_F(GeoPolicyTest, Countries) {
  rule("home", Action::drop).when.country = countries({"US", "CA", "private"});
  EXPECT_EQ(deciding(invite("192.0.2.1")), "home");
  EXPECT_EQ(deciding(invite("2001:db8::1")), "home");
  EXPECT_EQ(deciding(invite("10.0.0.1")), "home");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "default_action");
  EXPECT_EQ(deciding(invite("203.0.113.1")), "default_action");
}

TEST_F(GeoPolicyTest, AnUnknownCountryIsNotAnyCountry) {
  rule("abroad", Action::drop).when.country = countries({"US"}, true);
  EXPECT_EQ(deciding(invite("192.0.2.1")), "default_action");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "abroad");
  EXPECT_EQ(deciding(invite("203.0.113.1")), "abroad");
  EXPECT_EQ(deciding(invite("10.0.0.1")), "abroad");
  options_.rules[0].when.country = countries({"US", "unknown"}, true);
  EXPECT_EQ(deciding(invite("203.0.113.1")), "default_action");
  EXPECT_EQ(deciding(invite("10.0.0.1")), "abroad");
}

TEST_F(GeoPolicyTest, Asns) {
  rule("provider", Action::drop).when.asn = Condition<std::uint32_t>{{64501, 64500}, false};
  rule("others", Action::reject).when.asn = Condition<std::uint32_t>{{64502}, true};
  EXPECT_EQ(deciding(invite("192.0.2.1")), "provider");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "provider");
  EXPECT_EQ(deciding(invite("2001:db8::1")), "default_action");
  EXPECT_EQ(deciding(invite("203.0.113.1")), "others");
}

TEST_F(GeoPolicyTest, UnlessCountry) {
  RuleOptions& home = rule("only from home", Action::reject);
  home.when.methods = any_of({"REGISTER", "INVITE"});
  home.unless.country = countries({"US", "CA", "private"});
  EXPECT_EQ(deciding(invite("192.0.2.1")), "default_action");
  EXPECT_EQ(deciding(invite("10.0.0.1")), "default_action");
  EXPECT_EQ(deciding(invite("198.51.100.1")), "only from home");
}

// More texts than it holds, and more sets than it has bits.
TEST_F(PolicyTest, WhatIsRememberedOfUserAgentsChangesNoVerdict) {
  for (int i = 0; i < 70; ++i) {
    const std::string name = "set" + std::to_string(i);
    options_.user_agents[name] = {"phone-" + std::to_string(i) + "$"};
    rule(name, Action::drop).when.user_agent = any_of({name});
  }
  const auto policy = compile();
  UserAgentMemory memory(7);
  RequestFacts facts;
  int matched = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 2000; ++i) {
      const std::string agent = (i % 2 == 0 ? "phone-" : "handset ") + std::to_string(i * 7 % 100);
      facts.user_agent = agent;
      facts.user_agent_memory = nullptr;
      const int asked = policy->decide(facts).rule;
      facts.user_agent_memory = &memory;
      ASSERT_EQ(policy->decide(facts).rule, asked) << agent;
      if (asked != Verdict::default_rule) ++matched;
    }
    if (round == 1) memory.clear();
  }
  EXPECT_GT(matched, 1000);
}

}  // namespace
}  // namespace postern::acl
