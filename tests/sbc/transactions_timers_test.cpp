#include "tests/sbc/transactions_support.hpp"

namespace postern::sbc::test {
namespace {

// Toward a device: the INVITE of the PBX.

class TowardDevice : public TransactionsTest {
 protected:
  void begin_and_clear(const std::string& method) {
    begin(method, true, 1, pbx, phone);
    sent_with_times();
  }
  bool hear(int status, const std::string& method = "INVITE") { return TransactionsTest::hear(status, method, phone); }
};

TEST_F(TowardDevice, TimersAAndB) {
  begin_and_clear("INVITE");
  run_until(milliseconds{32'000});
  EXPECT_THAT(sent_with_times(), ElementsAre("500 access INVITE", "1500 access INVITE", "3500 access INVITE", "7500 access INVITE",
                                             "15500 access INVITE", "31500 access INVITE", "32000 core 408"))
      << "7 INVITEs in all";
}

TEST_F(TowardDevice, TimersEAndF) {
  begin_and_clear("NOTIFY");
  run_until(milliseconds{60'000});
  EXPECT_THAT(sent_with_times(), ElementsAre("500 access NOTIFY", "1500 access NOTIFY", "3500 access NOTIFY", "3500 core 100",
                                             "7500 access NOTIFY", "11500 access NOTIFY", "15500 access NOTIFY", "19500 access NOTIFY",
                                             "23500 access NOTIFY", "27500 access NOTIFY", "31500 access NOTIFY"))
      << "11 in all; 100 when E reached T2 and no 408 (RFC 4320)";
  EXPECT_EQ(layer.size(), 0U);
}

TEST_F(TowardDevice, TimerEGoesToT2OnAProvisionalResponse) {
  begin_and_clear("NOTIFY");
  EXPECT_FALSE(hear(100, "NOTIFY"));
  run_until(milliseconds{60'000});
  EXPECT_THAT(sent_with_times(),
              ElementsAre("500 access NOTIFY", "4500 access NOTIFY", "4500 core 100", "8500 access NOTIFY", "12500 access NOTIFY",
                          "16500 access NOTIFY", "20500 access NOTIFY", "24500 access NOTIFY", "28500 access NOTIFY"));
  EXPECT_EQ(layer.size(), 0U);
}

TEST_F(TowardDevice, TheRepetitionOfANonInviteGetsThe100AgainThatItGot) {
  begin_and_clear("NOTIFY");
  run_until(milliseconds{3500});
  sent();
  EXPECT_EQ(match("NOTIFY", 1, pbx), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("core 100"));
}

TEST_F(TowardDevice, AnyProvisionalResponseStopsTimerA) {
  begin_and_clear("INVITE");
  run_until(milliseconds{600});
  EXPECT_FALSE(hear(100));
  sent();
  run_until(milliseconds{180'900});
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TowardDevice, TimerCCancels) {
  begin_and_clear("INVITE");
  hear(100);
  run_until(milliseconds{100'000});
  hear(180);  // C starts anew
  sent_with_times();
  run_until(milliseconds{281'000});
  EXPECT_THAT(sent_with_times(), ElementsAre("281000 access CANCEL"));
  EXPECT_TRUE(hear(487));
  EXPECT_FALSE(hear(200, "CANCEL"));
  EXPECT_THAT(sent(), ElementsAre("core 487", "access ACK"));
}

TEST_F(TowardDevice, TimerCIsNotProlongedBy100) {
  begin_and_clear("INVITE");
  hear(100);
  run_until(milliseconds{100'000});
  hear(100);
  sent_with_times();
  run_until(milliseconds{181'000});
  EXPECT_THAT(sent_with_times(), ElementsAre("181000 access CANCEL"));
}

TEST_F(TowardDevice, TimerCAndStillNothing) {
  begin_and_clear("INVITE");
  hear(180);
  run_until(milliseconds{213'000});
  const Sent all_sent = sent_with_times();
  ASSERT_FALSE(all_sent.empty());
  EXPECT_EQ(all_sent.back(), "213000 core 408");
}

// Toward the PBX

TEST_F(TransactionsTest, APbxThatIsSilentTimesOutAfterPbxTimeout) {
  begin("INVITE");
  sent_with_times();
  run_until(milliseconds{4000});
  EXPECT_THAT(sent_with_times(), ElementsAre("500 core INVITE", "1500 core INVITE", "3500 core INVITE", "4000 access 408"));
}

TEST_F(TransactionsTest, ToOthersThanInviteATimeOutIsSilence) {
  begin("REGISTER");
  sent_with_times();
  run_until(milliseconds{4000});
  EXPECT_THAT(sent_with_times(), ElementsAre("500 core REGISTER", "1500 core REGISTER", "3500 core REGISTER", "3500 access 100"));
  EXPECT_EQ(layer.size(), 0U);
  EXPECT_EQ(match("REGISTER"), RequestMatch::fresh);
  EXPECT_FALSE(hear(200, "REGISTER")) << "late (RFC 4320 §4.2)";
}

TEST_F(TransactionsTest, APbxThatSaid100HasUntilTimerF) {
  begin("REGISTER", false);
  hear(100, "REGISTER");
  run_until(milliseconds{31'990});
  EXPECT_EQ(layer.size(), 1U);
  EXPECT_TRUE(hear(200, "REGISTER"));
}

TEST_F(TransactionsTest, ALate2xxPassesBehindOur408) {
  begin("INVITE");
  run_until(milliseconds{5000});
  sent();
  EXPECT_TRUE(hear(200));
  EXPECT_THAT(sent(), ElementsAre("access 200"));
}

// The server side of a final response

TEST_F(TransactionsTest, TimersGAndH) {
  begin("INVITE");
  hear(486);
  sent_with_times();
  run_until(milliseconds{31'990});
  EXPECT_THAT(sent_with_times(),
              ElementsAre("500 access 486", "1500 access 486", "3500 access 486", "7500 access 486", "11500 access 486", "15500 access 486",
                          "19500 access 486", "23500 access 486", "27500 access 486", "31500 access 486"));
  EXPECT_EQ(layer.size(), 1U);
  run_until(milliseconds{32'000});
  EXPECT_EQ(layer.size(), 0U);
}

TEST_F(TransactionsTest, TimerGIsNotForTheUnproven) {
  begin("INVITE", false);
  hear(486);
  sent();
  run_until(milliseconds{10'000});
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(match("INVITE"), RequestMatch::answered);
  EXPECT_THAT(sent(), ElementsAre("access 486"));
}

TEST_F(TransactionsTest, AnAckEndsTimerGAndLeavesDRunning) {
  begin("INVITE");
  hear(486);
  run_until(milliseconds{700});
  sent();
  match("ACK");
  run_until(milliseconds{31'990});
  EXPECT_FALSE(hear(486)) << "our ACK was lost";
  EXPECT_THAT(sent(), ElementsAre("core ACK"));
  run_until(milliseconds{32'000});
  EXPECT_EQ(layer.size(), 0U);
}

TEST_F(TransactionsTest, ALateAckStillHasTimerI) {
  begin("INVITE");
  hear(486);
  run_until(milliseconds{31'000});
  match("ACK");
  run_until(milliseconds{35'990});
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
  run_until(milliseconds{36'000});
  EXPECT_EQ(layer.size(), 0U) << "the repeated one prolonged nothing";
}

TEST_F(TransactionsTest, TimersLAndM) {
  begin("INVITE");
  hear(180);
  run_until(milliseconds{20'000});
  hear(200);
  run_until(milliseconds{51'990});
  EXPECT_TRUE(hear(200));
  sent();
  run_until(milliseconds{52'000});
  EXPECT_EQ(layer.size(), 0U);
  EXPECT_FALSE(hear(200));
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TransactionsTest, TimerJ) {
  begin("BYE");
  hear(200, "BYE");
  sent();
  run_until(milliseconds{31'990});
  EXPECT_EQ(match("BYE"), RequestMatch::answered);
  run_until(milliseconds{32'000});
  EXPECT_EQ(match("BYE"), RequestMatch::fresh);
  EXPECT_THAT(sent(), ElementsAre("access 200"));
}

// Time itself

TEST_F(TransactionsTest, NextDeadlineIsTheEarliestTimer) {
  EXPECT_EQ(layer.next_deadline(), std::nullopt);
  begin("INVITE");
  EXPECT_EQ(layer.next_deadline(), now + Timers::t1);
  hear(180);
  EXPECT_EQ(layer.next_deadline(), now + Timers::proceeding_timeout);
}

TEST_F(TransactionsTest, AdvanceDoesNoMoreThanItIsTold) {
  for (std::uint64_t i = 1; i <= 10; ++i) begin("BYE", true, i);
  sent();
  now += Timers::t1;
  layer.advance(now, 4, out);
  EXPECT_THAT(sent(), testing::SizeIs(4));
  EXPECT_LE(layer.next_deadline().value_or(TimePoint::max()), now) << "there is more";
  layer.advance(now, 100, out);
  EXPECT_THAT(sent(), testing::SizeIs(6));
}

TEST_F(TransactionsTest, ALongPauseCausesNoBurst) {
  begin("INVITE", true, 1, pbx, phone);
  sent();
  now += milliseconds{20'000};
  layer.advance(now, all, out);
  EXPECT_THAT(sent(), ElementsAre("access INVITE"));
}

class LostConnection : public TransactionsTest {
 protected:
  LostConnection() {
    over_tcp.transport = Transport::tcp;
    over_tcp.connection = 7;
  }
  void ask(const char* method) {
    const sip::RawMessage& raw = request(method);
    ASSERT_NE(layer.begin(id_of(1), raw, {pbx, over_tcp, true, raw.bytes}, now, out), nullptr);
  }
  std::vector<std::string> sent_after_loss_of(const Flow& flow) {
    sent();
    layer.lost(flow, now);
    run_for(Timers::reconnection - milliseconds{20});
    EXPECT_THAT(sent(), IsEmpty()) << "it may come back";
    run_for(milliseconds{40});
    return sent();
  }
  Flow over_tcp = phone;
};

TEST_F(LostConnection, ARingingPhoneIsAnsweredFor) {
  ask("INVITE");
  EXPECT_TRUE(hear(180, "INVITE", over_tcp));
  Flow other = over_tcp;
  other.connection = 8;
  EXPECT_THAT(sent_after_loss_of(other), IsEmpty());
  EXPECT_THAT(sent_after_loss_of(over_tcp), ElementsAre("core 480"));
}

TEST_F(LostConnection, OneThatHasNotRungIsAnsweredForToo) {
  ask("INVITE");
  EXPECT_THAT(sent_after_loss_of(over_tcp), ElementsAre("core 480"));
}

TEST_F(LostConnection, OneThatComesBackMayAnswer) {
  ask("INVITE");
  EXPECT_TRUE(hear(180, "INVITE", over_tcp));
  layer.lost(over_tcp, now);
  sent();
  Flow again = over_tcp;
  again.connection = 9;
  run_for(milliseconds{1000});
  EXPECT_TRUE(hear(200, "INVITE", again));
  EXPECT_THAT(sent(), ElementsAre("core 200"));
  run_for(Timers::reconnection);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(LostConnection, AnAnsweredCallIsLeftAlone) {
  ask("INVITE");
  EXPECT_TRUE(hear(200, "INVITE", over_tcp));
  EXPECT_THAT(sent_after_loss_of(over_tcp), IsEmpty());
}

TEST_F(LostConnection, OtherRequestsAreAnsweredForButNoQualify) {
  ask("NOTIFY");
  EXPECT_THAT(sent_after_loss_of(over_tcp), ElementsAre("core 480"));
  ask("OPTIONS");
  EXPECT_THAT(sent_after_loss_of(over_tcp), IsEmpty());
  EXPECT_EQ(layer.size(), 0U);
}

}  // namespace
}  // namespace postern::sbc::test
