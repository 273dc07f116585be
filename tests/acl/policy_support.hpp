// What the tests of the policy need: its conditions, and a fixture that puts rules together.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "acl/policy.hpp"
#include "acl/source_verdicts.hpp"
#include "support.hpp"

namespace postern::acl {

inline Condition<std::string> any_of(std::vector<std::string> values) { return {std::move(values), false}; }
inline Condition<std::string> none_of(std::vector<std::string> values) { return {std::move(values), true}; }

inline Condition<Network> networks(const std::vector<std::string>& texts, bool negated = false) {
  Condition<Network> condition{{}, negated};
  for (const auto& text : texts) condition.values.push_back(network(text));
  return condition;
}

inline Condition<Country> countries(const std::vector<std::string>& texts, bool negated = false) {
  Condition<Country> condition{{}, negated};
  for (const auto& text : texts) condition.values.push_back(Country::parse(text).value());
  return condition;
}

class PolicyTest : public ::testing::Test {
 protected:
  RuleOptions& rule(const std::string& name, Action action) {
    RuleOptions& added = options_.rules.emplace_back();
    added.name = name;
    added.action = action;
    return added;
  }

  std::shared_ptr<const Policy> compile() {
    auto result = Policy::compile(options_, geo_);
    if (const auto* error = std::get_if<std::string>(&result)) throw std::invalid_argument(*error);
    return std::get<0>(result);
  }

  std::string error() {
    const auto result = Policy::compile(options_, geo_);
    const auto* message = std::get_if<std::string>(&result);
    return message == nullptr ? "" : *message;
  }

  /// The name of the rule that decides; "default_action" if none does.
  std::string deciding(const RequestFacts& facts) {
    const auto policy = compile();
    const Verdict verdict = policy->decide(facts);
    expect_early_verdicts(*policy, facts, verdict);
    return std::string(policy->rule_name(verdict.rule));
  }

  /// Whatever is said before all of a request is read is what is said in the end.
  static void expect_early_verdicts(const Policy& policy, const RequestFacts& facts, const Verdict& verdict) {
    RequestFacts unread;
    unread.source = facts.source;
    unread.listener = facts.listener;
    unread.transport = facts.transport;
    unread.registered = facts.registered;
    SourceVerdicts cache;
    const auto judge = [&] { return policy.judge_source(unread); };
    const EarlyVerdict by_source = cache.of(unread.source, unread.registered, 3, judge);
    const EarlyVerdict again = cache.of(unread.source, unread.registered, 3, judge);
    EXPECT_EQ(std::tie(by_source.rule, by_source.drops), std::tie(again.rule, again.drops));
    unread.method = facts.method;
    unread.user_agent = facts.user_agent;
    const EarlyVerdict by_head = policy.judge_head(unread, by_source.rule);
    EXPECT_TRUE(by_source.drops || !by_head.drops || policy.may_drop_head(by_source.rule));
    for (const EarlyVerdict& early : {by_source, by_head}) {
      EXPECT_EQ(policy.decide(facts, early.rule).rule, verdict.rule);
      if (early.drops) {
        EXPECT_EQ(early.rule, verdict.rule);
        EXPECT_EQ(verdict.action, Action::drop);
      }
    }
  }

  static RequestFacts invite(const std::string& source) {
    RequestFacts facts;
    facts.source = address(source);
    facts.method = "INVITE";
    facts.user_agent = "Yealink SIP-T53W 96.87.0.16";
    facts.from_user = "1001";
    facts.to_user = "1002";
    facts.request_user = "1002";
    facts.listener = "udp://0.0.0.0:5060";
    facts.transport = "udp";
    return facts;
  }

  PolicyOptions options_;
  Geo geo_;
};

}  // namespace postern::acl
