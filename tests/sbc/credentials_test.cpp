#include "sbc/credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/engine_fixture.hpp"

namespace postern::sbc {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const acl::Address phone = acl::Address::v4(0xcb007107);
const acl::Address thief = acl::Address::v4(0xc6336409);
const std::string challenge = R"(Digest realm="asterisk",nonce="1734/9f2c",opaque="5ccc",algorithm=MD5,qop="auth")";

/// Credentials and the one message that they judge.
class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsVerdict judge(const acl::Address& source, const std::vector<std::string>& authorizations) {
    bytes_ =
        "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:1@example.com>;tag=1\r\n"
        "To: <sip:1@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n";
    for (const std::string& authorization : authorizations) bytes_ += "Authorization: " + authorization + "\r\n";
    bytes_ += "\r\n";
    EXPECT_EQ(sip::prescreen(bytes_, message_).result, sip::PrescreenResult::message);
    CredentialsVerdict verdict = credentials_.judge(message_, source, now_);
    if (verdict.any_kept()) credentials_.pass(verdict, source, now_);
    return verdict;
  }
  CredentialsStanding standing(const acl::Address& source, const std::string& authorization) {
    return judge(source, {authorization}).standing;
  }

  /// The opaque that `source` is given for the PBX's challenge.
  std::string opaque_for(const acl::Address& source, const std::string& of = challenge, bool stale = false) {
    given_.clear();
    credentials_.append_challenge(given_, of, source, stale, now_);
    const std::size_t begin = given_.find("opaque=\"") + 8;
    return given_.substr(begin, given_.find('"', begin) - begin);
  }
  static std::string answer(const std::string& opaque, const std::string& response = "00ff", const std::string& nonce = "1734/9f2c") {
    return R"(Digest username="1", realm="asterisk", nonce=")" + nonce + R"(", uri="sip:example.com", response=")" + response + "\"" +
           (opaque.empty() ? "" : R"(, opaque=")" + opaque + "\"");
  }

  TimePoint now_ = TimePoint{} + 1000h;
  std::string given_;
  Mac mac_{std::span<const std::uint8_t, 64>(testing::fixed_secrets().secret).first<16>()};
  DigestReplays replays_{Credentials::remembered, 41, Credentials::life};
  Credentials credentials_{mac_, 42, replays_};
  std::string bytes_;
  sip::RawMessage message_;
};

TEST_F(CredentialsTest, AnOpaqueProvesItsSource) {
  const std::string opaque = opaque_for(phone);
  EXPECT_EQ(standing(phone, answer(opaque)), CredentialsStanding::proven);
  now_ += Credentials::life;
  EXPECT_EQ(standing(phone, answer(opaque)), CredentialsStanding::proven);
}

TEST_F(CredentialsTest, AnOldOpaqueIsForeign) {
  const std::string opaque = opaque_for(phone);
  now_ += Credentials::life + 1s;
  EXPECT_EQ(standing(phone, answer(opaque)), CredentialsStanding::foreign);
}

// What passed by it before the start is forgotten, so it could be replayed.
TEST_F(CredentialsTest, AnOpaqueOfBeforeTheStartIsForeign) {
  const std::string opaque = opaque_for(phone);
  now_ += 2s;
  Credentials restarted(mac_, 43, replays_);
  judge(phone, {answer(opaque)});
  EXPECT_EQ(restarted.judge(message_, phone, now_).standing, CredentialsStanding::foreign);
}

TEST_F(CredentialsTest, AnotherSourcesOpaqueIsForeign) {
  const std::string opaque = opaque_for(phone);
  EXPECT_EQ(standing(thief, answer(opaque)), CredentialsStanding::foreign);
  EXPECT_EQ(standing(phone, answer(opaque, "00ff", "1735/9f2c")), CredentialsStanding::foreign) << "of another challenge";
}

TEST_F(CredentialsTest, AChangedOpaqueIsForeign) {
  const std::string opaque = opaque_for(phone);
  for (std::size_t i = 0; i < opaque.size(); ++i) {
    std::string changed = opaque;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(standing(phone, answer(changed)), CredentialsStanding::foreign) << changed;
    EXPECT_EQ(standing(phone, answer(opaque.substr(0, i) + " ")), CredentialsStanding::foreign);
  }
  EXPECT_EQ(standing(phone, answer(opaque + "x")), CredentialsStanding::foreign);
}

TEST_F(CredentialsTest, WithoutAnOpaqueTheNonceMustHaveBeenGivenToTheSource) {
  EXPECT_EQ(standing(phone, answer("")), CredentialsStanding::foreign);
  opaque_for(phone);
  EXPECT_EQ(standing(phone, answer("")), CredentialsStanding::plain);
  EXPECT_EQ(standing(thief, answer("")), CredentialsStanding::foreign);
  now_ += Credentials::life + 1s;
  EXPECT_EQ(standing(phone, answer("")), CredentialsStanding::foreign);
}

// Asterisk gives everybody who asks in the same second the same nonce, so a thief has an opaque of his own for it.
TEST_F(CredentialsTest, ACapturedResponseIsAReplayFromElsewhere) {
  const std::string own = opaque_for(phone);
  const std::string stolen = opaque_for(thief);
  EXPECT_EQ(standing(phone, answer(own)), CredentialsStanding::proven);
  EXPECT_EQ(standing(thief, answer(stolen)), CredentialsStanding::replayed);
  EXPECT_EQ(standing(thief, answer(stolen, "00FF")), CredentialsStanding::replayed) << "the PBX may compare it without case";
  EXPECT_EQ(standing(thief, answer("")), CredentialsStanding::replayed);
  EXPECT_EQ(standing(phone, answer(own)), CredentialsStanding::proven) << "a repetition";
  EXPECT_EQ(standing(thief, answer(stolen, "abcd")), CredentialsStanding::proven) << "who knows the password of his own";
}

TEST_F(CredentialsTest, AFirstRequestWithEmptyCredentialsPasses) {
  EXPECT_EQ(standing(phone, answer("", "", "")), CredentialsStanding::plain);
}

TEST_F(CredentialsTest, WhatIsNotDigestPasses) {
  EXPECT_EQ(standing(phone, "Basic dXNlcjpwYXNz"), CredentialsStanding::plain);
  EXPECT_EQ(standing(phone, "Digest,response=\"00\""), CredentialsStanding::foreign);
  EXPECT_EQ(standing(phone, answer("", "no hex")), CredentialsStanding::foreign);
  EXPECT_EQ(standing(phone, answer("", std::string(129, 'a'))), CredentialsStanding::foreign);
}

TEST_F(CredentialsTest, EachHeaderHasItsFate) {
  const CredentialsVerdict verdict = judge(phone, {answer(opaque_for(phone)), answer("made up")});
  EXPECT_EQ(verdict.standing, CredentialsStanding::foreign);
  ASSERT_EQ(verdict.count, 2U);
  EXPECT_EQ(verdict.entries[0].fate, CredentialsVerdict::Fate::restore);
  EXPECT_EQ(verdict.entries[1].fate, CredentialsVerdict::Fate::remove);
  EXPECT_EQ(judge(phone, {"Basic eA=="}).entries[0].fate, CredentialsVerdict::Fate::keep);
}

// Who is refused for his limit must not push out what others' responses are known by.
TEST_F(CredentialsTest, OnlyWhatPassedIsRemembered) {
  const std::string opaque = opaque_for(thief);
  judge(phone, {answer(opaque_for(phone), "aa")});
  for (const char* response : {"aa", "bb"}) {
    judge(phone, {answer(opaque, response)});  // the thief's message, refused from the phone's address
    credentials_.judge(message_, thief, now_);
  }
  judge(phone, {answer(opaque_for(phone), "bb")});
  EXPECT_EQ(standing(thief, answer(opaque, "bb")), CredentialsStanding::replayed) << "the phone's, though the thief showed it first";
}

TEST_F(CredentialsTest, OfTooManyHeadersTheLastAreTakenOff) {
  const CredentialsVerdict verdict = judge(phone, std::vector<std::string>(CredentialsVerdict::most_headers + 1, "Basic eA=="));
  EXPECT_EQ(verdict.standing, CredentialsStanding::foreign);
  EXPECT_EQ(verdict.fate_of(sip::HeaderLine{}), CredentialsVerdict::Fate::remove);
}

TEST_F(CredentialsTest, TheChallengeKeepsItsPlaceAndThePbxGetsItsOwnOpaqueBack) {
  const std::string opaque = opaque_for(phone);
  EXPECT_EQ(given_, R"(Digest realm="asterisk",nonce="1734/9f2c",opaque=")" + opaque + R"(",algorithm=MD5,qop="auth")");
  std::string restored;
  Credentials::append_restored(restored, answer(opaque));
  EXPECT_EQ(restored, answer("5ccc"));
}

TEST_F(CredentialsTest, APbxWithoutAnOpaqueGetsNone) {
  const std::string bare = R"(Digest realm="asterisk",nonce="1734/9f2c")";
  const std::string opaque = opaque_for(phone, bare);
  EXPECT_EQ(given_, bare + ",opaque=\"" + opaque + "\"");
  for (const auto& [credentials, expected] : std::vector<std::pair<std::string, std::string>>{
           {R"(Digest username="1", opaque=")" + opaque + R"(" , nc=1)", R"(Digest username="1" , nc=1)"},
           {R"(Digest username="1", nc=1, opaque=")" + opaque + "\"", R"(Digest username="1", nc=1)"},
           {R"(Digest opaque=")" + opaque + R"(", nc=1)", R"(Digest  nc=1)"}}) {
    std::string restored;
    Credentials::append_restored(restored, credentials);
    EXPECT_EQ(restored, expected);
  }
}

TEST_F(CredentialsTest, AStaleChallengeSaysSoOnce) {
  opaque_for(phone, challenge, true);
  EXPECT_THAT(given_, HasSubstr("qop=\"auth\",stale=true"));
  opaque_for(phone, R"(Digest stale=false, realm="asterisk",nonce="1",opaque="2")", true);
  EXPECT_THAT(given_, HasSubstr("Digest stale=true, realm"));
  EXPECT_THAT(given_, Not(HasSubstr("false")));
  opaque_for(phone, R"(Digest realm="asterisk",nonce="1")", true);
  EXPECT_THAT(given_, HasSubstr("stale=true"));
  EXPECT_THAT(given_, HasSubstr("opaque="));
}

TEST_F(CredentialsTest, AChallengeThatIsNotDigestStaysAsItIs) {
  given_.clear();
  credentials_.append_challenge(given_, "Bearer realm=\"x\"", phone, true, now_);
  EXPECT_EQ(given_, "Bearer realm=\"x\"");
}

TEST_F(CredentialsTest, StaleIsSaidTwiceForACall) {
  EXPECT_TRUE(credentials_.may_say_stale(phone, "call", "1001", now_));
  EXPECT_TRUE(credentials_.may_say_stale(phone, "call", "1001", now_));
  EXPECT_FALSE(credentials_.may_say_stale(phone, "call", "1001", now_));
  EXPECT_TRUE(credentials_.may_say_stale(phone, "call", "1002", now_));
  EXPECT_TRUE(credentials_.may_say_stale(thief, "call", "1001", now_)) << "nobody uses it up for another";
  now_ += Credentials::life + 1s;
  EXPECT_TRUE(credentials_.may_say_stale(phone, "call", "1001", now_));
}

}  // namespace
}  // namespace postern::sbc
