// What an alert says, and which events are one.
#include "sbc/net/alert.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using sbc::EventKind;
using std::chrono::system_clock;
using testing::HasSubstr;

sbc::Event event_of(EventKind kind) {
  sbc::Event event;
  event.kind = kind;
  event.source = {acl::Address::v4(0xC0000242), 5060};
  event.device = "1001";
  return event;
}

TEST(Alert, OfAProvenBanAloneOneIsMade) {
  sbc::Event ban = event_of(EventKind::ban);
  ban.cause = sbc::Cause::failed_authentication;
  ban.duration = 3600s;
  ban.count = 5;
  ban.detail = "unproven";
  EXPECT_FALSE(alert_of(ban)) << "anybody can forge that";
  ban.detail = "proven";
  const auto alert = alert_of(ban);
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->text(),
            "192.0.2.66 is banned for 3600 s: failed_authentication, 5 strikes; let in again by: postern bans remove 192.0.2.66");
  const auto json = nlohmann::json::parse(alert->json());
  EXPECT_EQ(json.at("alert"), "ban");
  EXPECT_EQ(json.at("message"), alert->text());
  EXPECT_EQ(json.at("cause"), "failed_authentication");
  EXPECT_EQ(json.at("source"), "192.0.2.66:5060");
  EXPECT_EQ(json.at("more"), 0);
  EXPECT_THAT(json.at("time").get<std::string>(), testing::MatchesRegex("....-..-..T..:..:..Z"));
  EXPECT_THAT(json.at("text").get<std::string>(), HasSubstr(json.at("host").get<std::string>() + ": 192.0.2.66 is banned"));
}

TEST(Alert, OfABlockWhatTheNetworkChoseIsEscaped) {
  sbc::Event block = event_of(EventKind::block);
  block.cause = sbc::Cause::failed_authentication;
  block.duration = 3600s;
  block.count = 5;
  block.detail = "proven";
  block.device = "10\n03";
  block.message = "let in again by: postern bans remove 192.0.2.66 --account 10\n03";
  const auto alert = alert_of(block);
  EXPECT_EQ(
      alert->text(),
      "the account \"10\\n03\" is blocked at 192.0.2.66 for 3600 s: failed_authentication, 5 strikes; `postern bans list` names it, and "
      "`postern bans remove` lets it in again")
      << "what is copied into a shell is no command of theirs";
  block.device = "1003";
  EXPECT_THAT(alert_of(block)->text(), HasSubstr("postern bans remove 192.0.2.66 --account \"1003\""));
  EXPECT_EQ(alert->subject, "\"10\\n03\"@192.0.2.66");
}

TEST(Alert, OfARefusalOnlyADeniedCall) {
  sbc::Event refused = event_of(EventKind::refused);
  refused.reason = sbc::Outcome::device_denied;
  EXPECT_FALSE(alert_of(refused));
  refused.reason = sbc::Outcome::call_denied;
  refused.number = "0090012345";
  refused.number_class = "premium";
  EXPECT_EQ(alert_of(refused)->text(), "\"1001\" at 192.0.2.66:5060 may not call \"0090012345\", of the class premium: it was refused");
  for (const EventKind kind : {EventKind::refused_other, EventKind::strike, EventKind::unban, EventKind::registered, EventKind::suppressed,
                               EventKind::would_refuse, EventKind::call_prefixes})
    EXPECT_FALSE(alert_of(event_of(kind)));
}

TEST(Alert, WhatComesFromTheNetworkIsHarmlessInIt) {
  sbc::Event call = event_of(EventKind::emergency_call);
  call.device = "10\n01\x1b[2J\xff";
  call.detail = "sip:112@a";
  call.message = "help";
  const auto alert = alert_of(call);
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->text(),
            "\"10\\n01\\x1b[2J\\xff\" at 192.0.2.66:5060 calls \"sip:112@a\": help (nothing proves yet that it comes from there)");
  const auto json = nlohmann::json::parse(alert->json());
  EXPECT_THAT(json.at("device").get<std::string>(), HasSubstr("10\n01"));
}

TEST(Alert, WhoBegsForEverybodysAttentionInAChatGetsNone) {
  sbc::Event refused = event_of(EventKind::refused);
  refused.reason = sbc::Outcome::call_denied;
  refused.device = "<!channel>&`id`";
  const auto alert = alert_of(refused);
  const auto json = nlohmann::json::parse(alert->json());
  EXPECT_THAT(json.at("text").get<std::string>(), HasSubstr("\"&lt;!channel&gt;&amp;`id`\" at"));
  EXPECT_THAT(json.at("message").get<std::string>(), HasSubstr("\"<!channel>&`id`\" at"));
}

TEST(Alert, WhatCanBeForgedIsMarked) {
  sbc::Event call = event_of(EventKind::emergency_call);
  call.call_id = "a";
  EXPECT_FALSE(alert_of(call)->goes_at_once());
  EXPECT_EQ(nlohmann::json::parse(alert_of(call)->json()).at("proof"), "unproven");
  call.proven = true;
  EXPECT_TRUE(alert_of(call)->goes_at_once());
  EXPECT_EQ(alert_of(call)->call_id, "a");
  EXPECT_EQ(nlohmann::json::parse(alert_of(call)->json()).at("proof"), "proven");
  sbc::Event refused = event_of(EventKind::refused);
  refused.reason = sbc::Outcome::call_denied;
  EXPECT_TRUE(alert_of(refused)->forgeable);
  refused.proven = true;
  EXPECT_FALSE(alert_of(refused)->forgeable);
}

TEST(Alert, ACertificateIsOneFromFourteenDaysBeforeItsEnd) {
  const auto now = system_clock::from_time_t(1'800'000'000);
  EXPECT_FALSE(certificate_alert("tls", now + 14 * 24h, now));
  EXPECT_THAT(certificate_alert("tls", now + 14 * 24h - 1s, now)->text(),
              HasSubstr("the listener \"tls\" ends in 13 days, at 2027-01-29T07:59:59Z"));
  EXPECT_THAT(certificate_alert("tls", now - 1s, now)->text(), HasSubstr("has ended, at 2027-01-15T07:59:59Z"));
}

TEST(Alert, ADatabaseIsOneAfterSixtyDays) {
  const auto now = system_clock::from_time_t(1'800'000'000);
  EXPECT_FALSE(geo_alert("geo.country", 0, now)) << "there is none";
  EXPECT_FALSE(geo_alert("geo.country", 1'800'000'000 - 60 * 86'400, now));
  EXPECT_THAT(geo_alert("geo.country", 1'800'000'000 - 61 * 86'400, now)->text(), HasSubstr("geo.country was made 61 days ago"));
}

}  // namespace
}  // namespace postern::net
