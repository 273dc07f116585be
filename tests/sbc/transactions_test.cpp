#include "sbc/transactions.hpp"

#include "tests/sbc/transactions_support.hpp"

namespace postern::sbc::test {
namespace {

// Requests

TEST_F(TransactionsTest, AnInviteFromAProvenSourceIsAnswered100AtOnce) {
  ASSERT_NE(begin("INVITE"), nullptr);
  EXPECT_EQ(out.items()[0].bytes.find("tag=b"), std::string::npos);
  EXPECT_NE(out.items()[0].bytes.find("To: <sip:b@example.com>\r\n"), std::string::npos) << "a 100 has no To tag";
  EXPECT_THAT(sent(), ElementsAre("access 100", "core INVITE"));
}

TEST_F(TransactionsTest, AnUnprovenOneWhenItRepeatsItself) {
  begin("INVITE", false);
  EXPECT_THAT(sent(), ElementsAre("core INVITE"));
  hear(100);
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 100"));
}

TEST_F(TransactionsTest, AnUnprovenOneGoesOnAgainOnlyWhenItRepeatsItselfAndNoSoonerThanTimerA) {
  begin("INVITE", false);
  sent();
  run_until(milliseconds{400});
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_THAT(sent(), IsEmpty());
  run_until(milliseconds{500});
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_THAT(sent(), ElementsAre("core INVITE"));
  run_until(milliseconds{1499});
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_THAT(sent(), IsEmpty());
  run_until(milliseconds{1500});
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_THAT(sent(), ElementsAre("core INVITE"));
}

TEST_F(TransactionsTest, AnUnprovenSourceNeverGetsMoreThanItSent) {
  begin("INVITE", false);
  const std::string brief =
      "INVITE sip:b SIP/2.0\r\nv:SIP/2.0/UDP h;rport;branch=z9hG4bKabc\r\nf:<sip:a@b>;tag=1\r\nt:<sip:b@c>\r\ni:1\r\nCSeq:1 INVITE\r\n\r\n";
  sip::RawMessage raw;
  ASSERT_EQ(sip::prescreen(brief, raw).result, sip::PrescreenResult::message);
  sent();
  EXPECT_EQ(layer.match(id_of(1), raw, phone, now, out), RequestMatch::repeated);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TransactionsTest, UnknownRequestsAreFresh) {
  EXPECT_EQ(match("INVITE"), RequestMatch::fresh);
  EXPECT_EQ(match("BYE"), RequestMatch::fresh);
  EXPECT_EQ(match("ACK"), RequestMatch::fresh);
  EXPECT_EQ(match("CANCEL"), RequestMatch::no_invite);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TransactionsTest, AckAndCancelBeginNothing) {
  EXPECT_EQ(begin("ACK"), nullptr);
  EXPECT_EQ(begin("CANCEL"), nullptr);
  EXPECT_EQ(layer.size(), 0U);
}

TEST_F(TransactionsTest, RepetitionsGetTheLastResponse) {
  begin("INVITE");
  sent();
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_TRUE(hear(183));
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_TRUE(hear(180));
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 100", "access 183", "access 183", "access 180", "access 180"));
}

TEST_F(TransactionsTest, RepetitionsOfOthersAreAbsorbedUntilThereIsAnAnswer) {
  begin("REGISTER");
  EXPECT_EQ(match("REGISTER"), RequestMatch::repeated);
  EXPECT_FALSE(hear(100, "REGISTER"));
  EXPECT_EQ(match("REGISTER"), RequestMatch::repeated);
  EXPECT_TRUE(hear(401, "REGISTER"));
  EXPECT_EQ(match("REGISTER"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("core REGISTER", "access 401", "access 401"));
}

TEST_F(TransactionsTest, OnlyWhoeverBeganATransactionMatchesIt) {
  begin("INVITE");
  EXPECT_EQ(match("INVITE", 1, flow_of(Side::access, 0xc000020b)), RequestMatch::fresh);
  EXPECT_EQ(match("CANCEL", 1, flow_of(Side::access, 0xc000020a, 5061)), RequestMatch::no_invite);
}

TEST_F(TransactionsTest, BeginningAgainReplaces) {
  begin("OPTIONS");
  begin("OPTIONS");
  EXPECT_EQ(layer.size(), 1U);
}

// Responses

TEST_F(TransactionsTest, ResponsesMatchByIdMethodSideAndAddress) {
  begin("INVITE");
  EXPECT_NE(find(), nullptr);
  EXPECT_NE(find(1, flow_of(Side::core, 0x0a000001, 6000)), nullptr) << "a response may come from another port";
  EXPECT_EQ(find(2), nullptr);
  EXPECT_EQ(find(1, flow_of(Side::core, 0x0a000002)), nullptr);
  EXPECT_EQ(find(1, flow_of(Side::access, 0x0a000001)), nullptr);
  EXPECT_EQ(find(1, pbx, "BYE"), nullptr);
}

TEST_F(TransactionsTest, TryingOfTheNextHopStaysWithUs) {
  begin("INVITE");
  sent();
  EXPECT_FALSE(hear(100));
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TransactionsTest, EarlyDialogsAllPass) {
  begin("INVITE");
  sent();
  EXPECT_TRUE(hear(180, "INVITE", pbx, 1, "b1"));
  EXPECT_TRUE(hear(183, "INVITE", pbx, 1, "b2"));
  EXPECT_TRUE(hear(183, "INVITE", pbx, 1, "b2"));
  EXPECT_THAT(sent(), ElementsAre("access 180", "access 183", "access 183"));
}

TEST_F(TransactionsTest, A2xxPassesEachTimeAndFromEachFork) {
  begin("INVITE");
  sent();
  EXPECT_TRUE(hear(200));
  EXPECT_EQ(find()->state, TransactionState::accepted);
  EXPECT_TRUE(hear(200));
  EXPECT_TRUE(hear(200, "INVITE", pbx, 1, "b2"));
  EXPECT_THAT(sent(), ElementsAre("access 200", "access 200", "access 200"));
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated) << "the callee repeats its 2xx (RFC 6026)";
  EXPECT_EQ(match("ACK"), RequestMatch::fresh);
  EXPECT_FALSE(hear(180));
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TransactionsTest, ANon2xxIsAcknowledgedAndPassesOnce) {
  begin("INVITE");
  sent();
  EXPECT_TRUE(hear(486));
  EXPECT_THAT(sent(), ElementsAre("access 486", "core ACK"));
  EXPECT_NE(last_bytes.find("To: <sip:b@example.com>;tag=b1\r\n"), std::string::npos);
  EXPECT_FALSE(hear(486));
  EXPECT_FALSE(hear(180));
  EXPECT_THAT(sent(), ElementsAre("core ACK"));
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 486"));
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_FALSE(hear(486));
  EXPECT_THAT(sent(), ElementsAre("core ACK"));
}

TEST_F(TransactionsTest, AnAckBeforeTheFinalResponseIsAbsorbed) {
  begin("INVITE");
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
}

TEST_F(TransactionsTest, A2xxOfAnotherForkPassesBehindANon2xx) {
  begin("INVITE");
  hear(486);
  match("ACK");
  sent();
  EXPECT_TRUE(hear(200, "INVITE", pbx, 1, "b2"));
  EXPECT_EQ(find()->state, TransactionState::confirmed) << "the ACK to the 486 may be repeated";
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
  EXPECT_THAT(sent(), ElementsAre("access 200"));
}

TEST_F(TransactionsTest, ANon2xxBehindA2xxIsAcknowledgedOnly) {
  begin("INVITE");
  hear(200);
  sent();
  EXPECT_FALSE(hear(486, "INVITE", pbx, 1, "b2"));
  EXPECT_THAT(sent(), ElementsAre("core ACK"));
  EXPECT_NE(last_bytes.find("tag=b2"), std::string::npos);
}

TEST_F(TransactionsTest, TheFinalResponseToOthersPassesOnce) {
  begin("BYE");
  EXPECT_FALSE(hear(100, "BYE"));
  EXPECT_FALSE(hear(183, "BYE")) << "RFC 4320 §4.1";
  EXPECT_TRUE(hear(200, "BYE"));
  EXPECT_FALSE(hear(200, "BYE"));
  EXPECT_FALSE(hear(487, "BYE"));
  EXPECT_THAT(sent(), ElementsAre("core BYE", "access 200"));
}

// The answer of our own

TEST_F(TransactionsTest, A408IsGivenAgainAndItsAckAbsorbed) {
  begin("INVITE");
  run_until(milliseconds{4000});
  EXPECT_THAT(sent(), testing::Contains("access 408").Times(1));
  const std::string first = last_bytes;
  EXPECT_NE(first.find(";tag="), first.rfind(";tag=")) << "there is a To tag";
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 408"));
  EXPECT_EQ(last_bytes, first);
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
  EXPECT_FALSE(hear(486));
  EXPECT_THAT(sent(), ElementsAre("core ACK"));
}

TEST_F(TransactionsTest, WhoWasOnlyLateIsCancelled) {
  begin("INVITE");
  run_until(milliseconds{4000});
  sent();
  EXPECT_FALSE(hear(180));
  EXPECT_THAT(sent(), ElementsAre("core CANCEL"));
}

}  // namespace
}  // namespace postern::sbc::test
