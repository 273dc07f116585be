#include "tests/sbc/transactions_support.hpp"

namespace postern::sbc::test {
namespace {

std::string to_tag_in(const std::string& bytes) {
  const std::size_t at = bytes.find("To: <sip:b@example.com>;tag=");
  return at == std::string::npos ? "" : bytes.substr(at, bytes.find('\r', at) - at);
}

TEST_F(TransactionsTest, CancelBeforeAProvisionalResponseWaitsForOne) {
  begin("INVITE");
  sent();
  EXPECT_EQ(match("CANCEL"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 200"));
  EXPECT_FALSE(hear(100));
  EXPECT_THAT(sent(), ElementsAre("core CANCEL"));
  EXPECT_TRUE(hear(180));
  EXPECT_THAT(sent(), ElementsAre("access 180"));
  EXPECT_FALSE(hear(200, "CANCEL"));
  EXPECT_TRUE(hear(487));
  EXPECT_THAT(sent(), ElementsAre("access 487", "core ACK"));
}

TEST_F(TransactionsTest, CancelBehindAProvisionalResponseGoesOnAtOnce) {
  begin("INVITE");
  hear(180);
  sent();
  EXPECT_EQ(match("CANCEL"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 200", "core CANCEL"));
  EXPECT_NE(last_bytes.find("branch=z9hG4bKabc;rport\r\n"), std::string::npos);
  EXPECT_NE(last_bytes.find("CSeq: 1 CANCEL\r\n"), std::string::npos);
}

TEST_F(TransactionsTest, RepeatedCancelsAreAnsweredAgainWithTheSameTag) {
  begin("INVITE");
  hear(180);
  sent();
  match("CANCEL");
  const std::string first = to_tag_in(out.items()[0].bytes);
  EXPECT_NE(first, "");
  sent();
  EXPECT_EQ(match("CANCEL"), RequestMatch::answered);
  EXPECT_EQ(to_tag_in(out.items()[0].bytes), first);
  EXPECT_THAT(sent(), ElementsAre("access 200"));
}

TEST_F(TransactionsTest, CancelBehindAFinalResponseIsOnlyAnswered) {
  for (const int status : {200, 486}) {
    begin("INVITE");
    hear(180);
    hear(status);
    sent();
    EXPECT_EQ(match("CANCEL"), RequestMatch::answered);
    EXPECT_THAT(sent(), ElementsAre("access 200"));
  }
}

TEST_F(TransactionsTest, CancelOvertakenByAFinalResponseIsNotSent) {
  begin("INVITE");
  match("CANCEL");
  sent();
  EXPECT_TRUE(hear(200));
  EXPECT_FALSE(hear(180));
  EXPECT_THAT(sent(), ElementsAre("access 200"));
}

TEST_F(TransactionsTest, CancelCrossingA200LetsItPass) {
  begin("INVITE");
  hear(180);
  match("CANCEL");
  sent();
  EXPECT_TRUE(hear(200));
  EXPECT_FALSE(hear(481, "CANCEL"));
  EXPECT_TRUE(hear(200));
  EXPECT_THAT(sent(), ElementsAre("access 200", "access 200"));
  EXPECT_EQ(match("ACK"), RequestMatch::fresh);
}

TEST_F(TransactionsTest, CancelIsForInvitesOnly) {
  begin("OPTIONS");
  EXPECT_EQ(match("CANCEL"), RequestMatch::no_invite);
}

TEST_F(TransactionsTest, CancelSaysWhy) {
  begin("INVITE");
  extra = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
  match("CANCEL");
  extra.clear();
  hear(180);
  sent();
  EXPECT_NE(last_bytes.find("\r\nReason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"), std::string::npos);
}

TEST_F(TransactionsTest, OurCancelIsRepeatedUntilItIsAnswered) {
  begin("INVITE");
  hear(180);
  match("CANCEL");
  sent_with_times();
  run_until(milliseconds{1600});
  EXPECT_THAT(sent_with_times(), ElementsAre("500 core CANCEL", "1500 core CANCEL"));
  EXPECT_FALSE(hear(200, "CANCEL", flow_of(Side::core, 0x0a000002))) << "somebody else's answer";
  EXPECT_EQ(layer.size(), 2U);
  EXPECT_FALSE(hear(200, "CANCEL"));
  EXPECT_EQ(layer.size(), 1U);
  run_until(milliseconds{31'000});
  EXPECT_THAT(sent_with_times(), IsEmpty());
}

TEST_F(TransactionsTest, OurCancelSlowsDownOnAProvisionalResponse) {
  begin("INVITE");
  hear(180);
  match("CANCEL");
  EXPECT_FALSE(hear(100, "CANCEL"));
  sent_with_times();
  run_until(milliseconds{9000});
  EXPECT_THAT(sent_with_times(), ElementsAre("500 core CANCEL", "4500 core CANCEL", "8500 core CANCEL"));
}

TEST_F(TransactionsTest, OurCancelEndsOnTimerF) {
  begin("INVITE");
  hear(180);
  match("CANCEL");
  sent();
  run_until(milliseconds{31'990});
  EXPECT_THAT(sent(), testing::SizeIs(10)) << "11 in all";
  EXPECT_EQ(layer.size(), 2U);
  run_until(milliseconds{32'000});
  EXPECT_EQ(layer.size(), 1U);
  EXPECT_THAT(sent(), ElementsAre("access 408")) << "nor was the INVITE answered for 64*T1 (RFC 3261 §9.1)";
}

TEST_F(TransactionsTest, RingingOnDoesNotProlongACancelledInvite) {
  begin("INVITE");
  hear(180);
  match("CANCEL");
  for (int i = 0; i < 3; ++i) {
    run_for(milliseconds{10'000});
    EXPECT_TRUE(hear(180));
  }
  sent();
  run_until(milliseconds{32'000});
  EXPECT_THAT(sent(), testing::Contains("access 408"));
}

TEST_F(TransactionsTest, ACancelFindsNoRoomAndIsSentOnce) {
  layer = Transactions(1, 1 << 20, milliseconds{4000}, 1);
  begin("INVITE");
  hear(180);
  sent();
  match("CANCEL");
  run_until(milliseconds{20'000});
  EXPECT_THAT(sent(), ElementsAre("access 200", "core CANCEL"));
}

}  // namespace
}  // namespace postern::sbc::test
