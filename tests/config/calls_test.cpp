// Class of service and the limits of devices: what the file says, and what is wrong with it.
#include <gmock/gmock.h>

#include "acl/call_policy.hpp"
#include "acl/policy.hpp"
#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* example = R"(networks: {office: [203.0.113.0/24]}
device_groups: {sales: ["T2_*", kx83hd]}
calls:
  classes:
    internal: ["1XXX", "*XX"]
    national: ["0ZXXXXXXXX"]
    international: "00."
    premium: ["0900.", "00881."]
  allow:
    - {source: office, classes: [internal, national, international]}
    - {device: ["1*", sales], classes: internal}
  deny_status: 403
)";

TEST(Calls, AreReadWhole) {
  const LoadResult result = load(std::string(smallest) + example);
  ASSERT_TRUE(result.ok()) << result.problems.at(0).to_string();
  EXPECT_THAT(problems_of(result), IsEmpty()) << "a class that nobody has takes numbers out of another";
  const acl::CallPolicy* calls = result.policy->calls();
  ASSERT_NE(calls, nullptr);
  EXPECT_EQ(calls->deny_status(), 403);
  EXPECT_EQ(calls->gate().name, "calls");
  EXPECT_EQ(calls->gate().at.line, 6);
  const acl::Address office = *acl::Address::parse("203.0.113.7"), away = *acl::Address::parse("192.0.2.1");
  EXPECT_TRUE(calls->allows(office, "x", calls->classify("0049301")));
  EXPECT_FALSE(calls->allows(office, "x", calls->classify("008816")));
  EXPECT_TRUE(calls->allows(away, "T2_101", calls->classify("1002")));
  EXPECT_FALSE(calls->allows(away, "T3_101", calls->classify("1002")));
  EXPECT_EQ(load(smallest).policy->calls(), nullptr);
}

TEST(Calls, ErrorsStandAtTheirPlaces) {
  EXPECT_THAT(
      problems_with(R"(calls:
  classes: {internal: ["1XXX", "1Y"], national: "0.1", empty: []}
  allow:
    - {source: offise, classes: [internl, national]}
    - {device: "1*"}
  deny_status: 200
)"),
      ElementsAre("4:32: calls.classes.internal[1]: must be a pattern of digits and X Z N [..], perhaps with `.` or `!` at its end, got "
                  "\"1Y\": character 2 (`Y`): is none of X, Z and N; where it is meant as itself, write [Y]",
                  "4:49: calls.classes.national: must be a pattern of digits and X Z N [..], perhaps with `.` or `!` at its end, got "
                  "\"0.1\": character 2 (`.`): `.` stands at the end of a pattern alone",
                  "4:63: calls.classes.empty: must not be empty", "6:16: calls.allow[0].source: no network is named \"offise\"",
                  "6:34: calls.allow[0].classes[0]: no class is named \"internl\"; did you mean \"internal\"?",
                  "6:43: calls.allow[0].classes[1]: no class is named \"national\"",
                  "7:7: calls.allow[1].classes: is missing: a name of up to 64 letters, digits, `-`, `_` and `.` that is no address, or a "
                  "list of these",
                  "8:16: calls.deny_status: must be between 400 and 699, got 200"));
}

TEST(Calls, APatternIsOfOneClass) {
  EXPECT_THAT(
      problems_with(R"(calls:
  classes: {one: ["1XX", "_1-[0-9]X"], two: ["2.", "1XX"]}
  allow: [{classes: [one, two]}]
)"),
      ElementsAre("4:26: calls.classes.one[1]: warning: is the pattern \"1XX\" in line 4 again",
                  "4:52: calls.classes.two[1]: is the pattern \"1XX\" in line 4 again, which is of the class \"one\": a number is of one "
                  "class alone"));
}

TEST(Calls, WhatGivesNothingIsWarned) {
  EXPECT_THAT(problems_with("calls: {classes: {one: 1XX}}\n"),
              ElementsAre("3:8: calls: warning: `allow` gives nobody any class: no device can call any number"));
  EXPECT_THAT(
      problems_with("calls: {classes: {one: 1XX, two: 2XX, part: 15X}, allow: [{classes: one}]}\n"),
      ElementsAre("3:29: calls.classes.two: warning: no entry of `allow` has this class, and its numbers are in no other: nobody can call "
                  "them"));
  const auto entries = [](const std::string& allow) {
    return problems_with("device_groups: {sales: [\"T2_*\", kx]}\ncalls:\n  classes: {one: 1XX, two: 2XX}\n  allow:\n" + allow +
                         "devices: {sales: {permit: 192.0.2.0/24}}\n");
  };
  constexpr const char* useless =
      "8:7: calls.allow[1]: warning: can never match: the entry in line 7 and those before it give all of its classes already";
  for (const char* allow : {"    - {classes: [one, two]}\n    - {device: \"1*\", classes: one}\n",
                            "    - {source: 192.0.0.0/16, classes: [one, two]}\n    - {source: 192.0.2.0/24, classes: one}\n",
                            "    - {device: \"1*\", classes: [one, two]}\n    - {device: [\"1001\", \"1*\"], classes: one}\n",
                            "    - {device: \"*\", classes: [one, two]}\n    - {device: \"1*\", classes: one}\n",
                            "    - {device: sales, classes: [one, two]}\n    - {device: [kx, T2_9], classes: one}\n"})
    EXPECT_THAT(entries(allow), ElementsAre(useless)) << allow;
  for (const char* allow : {"    - {classes: one}\n    - {device: \"1*\", classes: [one, two]}\n",
                            "    - {source: 192.0.2.0/24, classes: [one, two]}\n    - {source: 192.0.0.0/16, classes: one}\n",
                            "    - {source: 192.0.2.0/24, classes: [one, two]}\n    - {device: \"1*\", classes: one}\n",
                            "    - {device: kx, classes: [one, two]}\n    - {device: sales, classes: one}\n"})
    EXPECT_THAT(entries(allow), IsEmpty()) << allow;
}

TEST(DeviceLimits, AreReadWhole) {
  const auto limits = [](const std::string& text) { return load(std::string(smallest) + text).config.engine.limits; };
  const sbc::LimitsOptions standard = limits("");
  EXPECT_EQ(standard.per_device, (std::map<std::string, acl::Rate>{{"INVITE", {0.5, 30}}}));
  EXPECT_EQ(standard.calls_per_hour, std::nullopt);
  EXPECT_EQ(standard.concurrent_calls, std::nullopt);
  const sbc::LimitsOptions all = limits(
      "limits: {per_device: {INVITE: {burst: 5}, MESSAGE: {rate: 2/s}, calls_per_hour: 120}, concurrent_calls: {total: 500, per_device: "
      "4}}\n");
  EXPECT_EQ(all.per_device, (std::map<std::string, acl::Rate>{{"INVITE", {0.5, 5}}, {"MESSAGE", {2, 2}}}));
  EXPECT_EQ(all.calls_per_hour, 120U);
  EXPECT_EQ(all.concurrent_calls, 500U);
  EXPECT_EQ(all.concurrent_calls_per_device, 4U);
  EXPECT_THAT(limits("limits: {per_device: {INVITE: off}}\n").per_device, IsEmpty());
  EXPECT_THAT(limits("limits: {per_device: off}\n").per_device, IsEmpty());
  EXPECT_EQ(limits("limits: {per_device: {calls_per_hour: off}, concurrent_calls: off}\n"), standard);
  EXPECT_THAT(problems_with("limits: {per_device: {MESSAGE: {burst: 2}, INVITE: {rate: 1/s, burst: 1}}}\n"),
              ElementsAre("3:32: limits.per_device.MESSAGE.rate: is missing: a rate such as 50/s, 30/m or 10/h"));
}

TEST(Redirects, AreBlockedUnlessTheFileSaysSo) {
  using Redirects = sbc::EngineOptions::Redirects;
  EXPECT_EQ(load(smallest).config.engine.redirects, Redirects::block);
  EXPECT_EQ(load(std::string(smallest) + "redirects: internal\n").config.engine.redirects, Redirects::internal);
}

}  // namespace
}  // namespace postern::config::test
