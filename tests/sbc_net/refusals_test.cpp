// The memory of what was refused: bounded, and each under an id.
#include "sbc/net/refusals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sbc/net/escape.hpp"

namespace postern::net {
namespace {

sbc::Event refused(std::string_view packet = "OPTIONS sip:x SIP/2.0\r\n\r\n") {
  sbc::Event event;
  event.kind = sbc::EventKind::refused;
  event.reason = sbc::Outcome::rule_reject;
  event.rule = "abroad";
  event.source = {*acl::Address::parse("192.0.2.9"), 5060};
  event.packet = packet;
  return event;
}

TEST(Refusals, EachHasAnIdOfItsOwn) {
  Refusals refusals(7);
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(refusals.remember(refused()));
  EXPECT_EQ(ids.size(), 100U);
  std::string problem;
  for (const std::string& id : ids) EXPECT_TRUE(refusals.find(id, problem)) << id << problem;
}

TEST(Refusals, TellWhatWasRefused) {
  Refusals refusals(7);
  const acl::SourceLine at{"/etc/postern.yaml", 12};
  sbc::Event event = refused("INVITE sip:\x01x SIP/2.0\r\nA: \"b\"\r\n\r\n");
  event.at = &at;
  refusals.remember(refused());
  const std::string id = refusals.remember(event);
  std::string problem;
  const auto found = refusals.find(id, problem);
  ASSERT_TRUE(found) << problem;
  EXPECT_EQ(found->json["reason"], "rule_reject");
  EXPECT_EQ(found->json["rule"], "abroad");
  EXPECT_EQ(found->json["file"], "/etc/postern.yaml");
  EXPECT_EQ(found->json["line"], 12);
  EXPECT_EQ(found->json["evidence"], "INVITE sip:\\x01x SIP/2.0\nA: \"b\"\n\n");
  EXPECT_EQ(found->json["of_source"]["rule_reject"], 1);
  EXPECT_EQ(found->source.port, 5060);
}

TEST(Refusals, WhatRefusesNothingHasNone) {
  Refusals refusals(7);
  sbc::Event event;
  event.kind = sbc::EventKind::registered;
  EXPECT_EQ(refusals.remember(event), "");
  EXPECT_EQ(refusals.size(), 0U);
}

TEST(Refusals, TheOldestGoesAndThatIsTold) {
  Refusals refusals(7, 100'000);
  const std::string first = refusals.remember(refused(std::string(5000, 'x')));
  std::string last;
  for (int i = 0; i < 1000; ++i) last = refusals.remember(refused(std::string(5000, 'x')));
  EXPECT_LT(refusals.size(), 50U);
  std::string problem;
  EXPECT_FALSE(refusals.find(first, problem));
  EXPECT_THAT(problem, testing::HasSubstr("is forgotten"));
  const auto found = refusals.find(last, problem);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->json["evidence"].get<std::string>().size(), Refusals::most_evidence);
  EXPECT_EQ(found->json["evidence_bytes"], 5000);
}

TEST(Refusals, AnIdOfAnotherRunNamesNothing) {
  Refusals before(7), now(8);
  const std::string id = before.remember(refused());
  now.remember(refused());
  std::string problem;
  EXPECT_FALSE(now.find(id, problem));
  EXPECT_THAT(problem, testing::HasSubstr("not of this run"));
  for (const char* none : {"", "0", "0007", "????1", "0007!", "99999999999999999999999999"}) EXPECT_FALSE(now.find(none, problem)) << none;
}

TEST(Escape, LinesForATerminal) {
  EXPECT_EQ(escaped_lines("a\r\nb\\\tc\n\x1b[31m\xff"), "a\nb\\\\\\tc\n\\x1b[31m\\xff");
  EXPECT_EQ(escaped_lines(""), "");
  EXPECT_EQ(escaped_lines("bare\rreturn"), "bare\\rreturn");
}

}  // namespace
}  // namespace postern::net
