// Rules that are valid and yet not what was meant.
#include <gmock/gmock.h>

#include "tests/config/support.hpp"
#include "tests/support/data.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RuleChecks, NothingComesAfterARuleForAll) {
  EXPECT_THAT(problems_with("rules:\n  - {name: all, action: drop}\n  - {source: 192.0.2.1, action: allow}\n"),
              ElementsAre("5:5: rules[1]: warning: can never match: \"all\" in line 4 decides first"));
}

TEST(RuleChecks, AWiderRuleShadowsANarrower) {
  EXPECT_THAT(problems_with("rules:\n"
                            "  - {source: 192.0.0.0/16, methods: [INVITE, REGISTER], action: allow}\n"
                            "  - {source: 192.0.2.0/24, methods: INVITE, from_user: \"1*\", action: drop}\n"),
              ElementsAre("5:5: rules[1]: warning: can never match: \"rules[0]\" in line 4 decides first"));
}

TEST(RuleChecks, WhatIsNotShadowed) {
  for (const char* rules : {// the first only watches
                            "rules:\n  - {log_only: on, action: drop}\n  - {source: 192.0.2.1, action: allow}\n",
                            // overlapping, not contained
                            "rules:\n  - {methods: [INVITE, BYE], action: allow}\n  - {methods: [INVITE, REGISTER], action: drop}\n",
                            // the first leaves out what the second is for
                            "rules:\n  - {unless: {source: 192.0.2.0/24}, action: allow}\n  - {source: 192.0.2.1, action: drop}\n",
                            // "not a" says nothing about b
                            "rules:\n  - {methods: {not: INVITE}, action: allow}\n  - {methods: [INVITE, BYE], action: drop}\n"})
    EXPECT_THAT(problems_with(rules), IsEmpty()) << rules;
}

TEST(RuleChecks, NegatedConditionsShadowToo) {
  EXPECT_THAT(problems_with("rules:\n  - {methods: {not: INVITE}, action: allow}\n  - {methods: BYE, action: drop}\n"),
              ElementsAre("5:5: rules[1]: warning: can never match: \"rules[0]\" in line 4 decides first"));
}

TEST(RuleChecks, ATransportThatNoListenerHas) {
  EXPECT_THAT(problems_with("rules: [{transport: tls, action: drop}]\n"),
              ElementsAre("3:9: rules[0]: warning: can never match: no listener has such a transport"));
}

TEST(RuleChecks, ExceptionsThatTakeAllAway) {
  EXPECT_THAT(problems_with("rules: [{source: 192.0.2.0/24, methods: INVITE, unless: {source: 192.0.0.0/16}, action: drop}]\n"),
              ElementsAre("3:9: rules[0]: warning: can never match: `unless` holds wherever its conditions do"));
  EXPECT_THAT(problems_with("rules: [{source: 192.0.0.0/16, unless: {source: 192.0.2.0/24}, action: drop}]\n"), IsEmpty());
}

TEST(RuleChecks, NamesThatTwoRulesHave) {
  EXPECT_THAT(problems_with("rules:\n  - {name: a, source: 192.0.2.1, action: drop}\n  - {name: a, source: 192.0.2.2, action: drop}\n"),
              ElementsAre("5:5: rules[1]: warning: has the name \"a\" of the rule in line 4: logs and metrics cannot tell them apart"));
}

TEST(RuleChecks, RulesAreNotAskedAboutAck) {
  EXPECT_THAT(problems_with("rules: [{methods: [ACK, BYE], action: drop}]\n"),
              ElementsAre("3:9: rules[0]: warning: rules are not asked about ACK: it belongs to an INVITE that they have judged"));
}

/// With an error elsewhere, the sound rules are judged all the same; those that lost something to it are not.
TEST(RuleChecks, BesideErrors) {
  EXPECT_THAT(problems_with("stat: /a\nrules:\n  - {source: 192.0.2.0/24, action: allow}\n  - {source: 192.0.2.1, action: drop}\n"),
              ElementsAre("3:1: stat: unknown key; did you mean \"state\"?",
                          "6:5: rules[1]: warning: can never match: \"rules[0]\" in line 5 decides first"));
  EXPECT_THAT(problems_with("rules:\n  - {methods: INVIT, action: allow}\n  - {source: 192.0.2.1, action: drop}\n"),
              ElementsAre(::testing::HasSubstr("rules[0].methods: \"INVIT\" is no SIP method")));
  EXPECT_THAT(problems_with("networks: {bad: {file: none.txt}}\nrules: [{source: bad, action: drop}]\n"),
              ElementsAre(::testing::HasSubstr("cannot open")));
}

TEST(RuleChecks, ListsThatHoldEverybody) {
  const Folder folder;
  const std::string list = folder.write("l.txt", "192.0.2.1\n0.0.0.0/0 # all\n");
  const LoadResult result = load(std::string(smallest) + "networks: {all: [\"::/0\"], listed: {file: l.txt}}\n", folder.path());
  EXPECT_THAT(problems_of(result), ElementsAre(list + ":2:1: networks.listed.file: warning: holds every address there is",
                                               "3:18: networks.all[0]: warning: holds every address there is"));
}

TEST(RuleChecks, RefusingWhatIsTrusted) {
  const std::string networks = "networks: {office: 192.0.2.0/24, bad: [192.0.2.128/25, 198.51.100.0/24]}\ntrusted: office\n";
  EXPECT_THAT(problems_with(networks + "rules: [{source: bad, action: drop}]\n"),
              ElementsAre("5:9: rules[0]: warning: its source holds addresses of 192.0.2.0/24, which is trusted"));
  EXPECT_THAT(problems_with(networks + "rules: [{source: office, action: allow}, {source: bad, action: drop}]\n"), IsEmpty());
}

TEST(RuleChecks, CountriesThatAreNotKnown) {
  POSTERN_NEEDS_TEST_DATA();
  const std::string data = testing::data_folder().string();
  const auto warnings = [&](const std::string& rule) {
    return problems_of(load(std::string(smallest) + "geo: {country: mmdb/GeoLite2-Country-Test.mmdb}\nrules: [{" + rule + "}]\n", data));
  };
  EXPECT_THAT(warnings("country: {not: US}, action: drop"),
              ElementsAre("4:9: rules[0]: warning: refuses addresses whose country is private or unknown too; add `private` and `unknown` "
                          "to the countries if "
                          "that is not meant"));
  EXPECT_THAT(
      warnings("unless: {country: [US, private]}, action: reject"),
      ElementsAre(
          "4:9: rules[0]: warning: refuses addresses whose country is unknown too; add `unknown` to the countries if that is not meant"));
  EXPECT_THAT(warnings("country: {not: [US, private, unknown]}, action: drop"), IsEmpty());
  EXPECT_THAT(warnings("country: {not: US}, action: allow"), IsEmpty());
  EXPECT_THAT(warnings("country: [CN, unknown], action: drop"), IsEmpty());
}

}  // namespace
}  // namespace postern::config::test
