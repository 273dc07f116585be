#include <random>

#include "tests/sbc/transactions_support.hpp"

namespace postern::sbc::test {
namespace {

TEST_F(TransactionsTest, TheOldestAnsweredGoesFirst) {
  layer = Transactions(3, 1 << 20, milliseconds{4000}, 1);
  for (std::uint64_t i = 1; i <= 3; ++i) begin("BYE", true, i);
  hear(200, "BYE", pbx, 2);
  hear(200, "BYE", pbx, 1);
  ASSERT_NE(begin("BYE", true, 4), nullptr);
  EXPECT_EQ(layer.evictions(), 1U);
  EXPECT_EQ(match("BYE", 2), RequestMatch::fresh);
  EXPECT_EQ(match("BYE", 1), RequestMatch::answered);
  ASSERT_NE(begin("BYE", true, 5), nullptr);
  EXPECT_EQ(match("BYE", 1), RequestMatch::fresh);
  EXPECT_EQ(layer.evictions(), 2U);
}

TEST_F(TransactionsTest, TheAnsweredShareHalfOfTheMemory) {
  constexpr std::size_t memory = 1 << 20;
  layer = Transactions(10'000, memory, milliseconds{4000}, 1);
  const auto answer = [&](std::uint64_t first, std::uint64_t last, bool proven) {
    for (std::uint64_t i = first; i <= last; ++i) {
      ASSERT_NE(begin("BYE", proven, i), nullptr);
      ASSERT_TRUE(hear(200, "BYE", pbx, i));
    }
    sent();
  };
  answer(1, 5, false);
  ASSERT_NE(begin("INVITE", true, 6), nullptr);
  ASSERT_TRUE(hear(486, "INVITE", pbx, 6));
  answer(10, 1000, true);
  EXPECT_EQ(layer.evictions(), 0U) << "nothing is full";
  EXPECT_EQ(match("INVITE", 6), RequestMatch::answered) << "calls have a share of their own";
  EXPECT_EQ(match("BYE", 10), RequestMatch::fresh) << "the oldest of its kind";
  EXPECT_EQ(match("BYE", 1), RequestMatch::answered) << "older, but of the others";
  EXPECT_EQ(match("BYE", 1000), RequestMatch::answered);
  EXPECT_LT(layer.memory(), memory / 4) << "an eighth, and buffers to be used again";
  answer(2000, 3000, false);
  EXPECT_EQ(match("BYE", 1), RequestMatch::fresh);
  EXPECT_EQ(match("BYE", 1000), RequestMatch::answered);
  ASSERT_NE(begin("BYE", true, 5000), nullptr);
  EXPECT_EQ(match("BYE", 5000), RequestMatch::repeated) << "what is unanswered is not of these";
}

TEST_F(TransactionsTest, WhatNothingNeedsAnyMoreIsGivenBackWithTheAnswer) {
  const sip::RawMessage& raw = request("REGISTER");
  Transaction* transaction =
      layer.begin(id_of(1), raw, {phone, pbx, true, raw.bytes, "what the proxy remembers", "a Via that was hidden"}, now, out);
  ASSERT_NE(transaction, nullptr);
  EXPECT_TRUE(hear(200, "REGISTER"));
  for (const std::string* text : {&transaction->original, &transaction->sent, &transaction->memo, &transaction->hidden_vias})
    EXPECT_EQ(text->capacity(), std::string().capacity()) << *text;
}

TEST_F(TransactionsTest, TheUnansweredAreNeverEvicted) {
  layer = Transactions(2, 1 << 20, milliseconds{4000}, 1);
  begin("INVITE", true, 1);
  hear(180);
  begin("BYE", true, 2);
  EXPECT_EQ(begin("BYE", true, 3), nullptr);
  EXPECT_EQ(match("BYE", 3), RequestMatch::fresh);
  EXPECT_EQ(layer.evictions(), 0U);
  EXPECT_TRUE(hear(200));
  EXPECT_NE(begin("BYE", true, 3), nullptr);
}

TEST_F(TransactionsTest, TextIsBounded) {
  constexpr std::size_t memory = 200'000;
  layer = Transactions(10'000, memory, milliseconds{4000}, 1);
  const sip::RawMessage& big = request("MESSAGE", {}, std::string(30'000, 'x'));
  std::uint64_t begun = 0;
  while (layer.begin(id_of(begun + 1), big, {phone, pbx, true, big.bytes}, now, out) != nullptr) ++begun;
  EXPECT_EQ(begun, memory * 7 / 8 / 31'000);
  EXPECT_LE(layer.memory(), memory);
  for (std::uint64_t i = 1; i <= begun; ++i) EXPECT_TRUE(hear(200, "MESSAGE", pbx, i));
  EXPECT_LT(layer.memory(), 10'000U) << "a body does not stay behind its answer";
  EXPECT_NE(layer.begin(id_of(99), big, {phone, pbx, true, big.bytes}, now, out), nullptr);
  run_for(milliseconds{60'000});
  EXPECT_EQ(layer.size(), 0U);
  EXPECT_LE(layer.memory(), memory / 8) << "only small buffers wait for their next use";
}

TEST_F(TransactionsTest, TheUnprovenShareHalfOfTheRecords) {
  layer = Transactions(10, 1 << 20, milliseconds{4000}, 1);
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_NE(begin("BYE", false, i), nullptr) << i;
  EXPECT_EQ(begin("BYE", false, 6), nullptr);
  for (std::uint64_t i = 7; i <= 11; ++i) ASSERT_NE(begin("BYE", true, i), nullptr) << i;
  EXPECT_EQ(begin("BYE", true, 12), nullptr) << "all ten are unanswered";
  EXPECT_EQ(layer.evictions(), 0U);
  EXPECT_TRUE(hear(200, "BYE", pbx, 1));
  EXPECT_NE(begin("BYE", true, 12), nullptr);
  EXPECT_EQ(begin("BYE", false, 6), nullptr) << "the table is full of the proven now";
}

TEST_F(TransactionsTest, TheUnprovenShareHalfOfTheMemory) {
  constexpr std::size_t held = 175'000;  // an eighth of the memory is for buffers that wait for their next use
  layer = Transactions(10'000, held / 7 * 8, milliseconds{4000}, 1);
  const sip::RawMessage& big = request("MESSAGE", {}, std::string(30'000, 'x'));
  std::uint64_t begun = 0;
  const auto begin_all = [&](bool proven) {
    const std::uint64_t before = begun;
    while (layer.begin(id_of(begun + 1), big, {phone, pbx, proven, big.bytes}, now, out) != nullptr) ++begun;
    return begun - before;
  };
  EXPECT_EQ(begin_all(false), held / 2 / 31'000);
  EXPECT_EQ(begin_all(true), held / 31'000 - held / 2 / 31'000);
  EXPECT_EQ(layer.evictions(), 0U);
}

TEST_F(TransactionsTest, TheUnprovenPushOutTheirOwn) {
  layer = Transactions(10, 1 << 20, milliseconds{4000}, 1);
  begin("BYE", true, 1);
  hear(200, "BYE", pbx, 1);
  for (std::uint64_t i = 2; i <= 6; ++i) begin("BYE", false, i);
  hear(200, "BYE", pbx, 2);
  EXPECT_NE(begin("BYE", false, 7), nullptr);
  EXPECT_EQ(match("BYE", 2), RequestMatch::fresh);
  EXPECT_EQ(begin("BYE", false, 8), nullptr);
  EXPECT_EQ(match("BYE", 1), RequestMatch::answered) << "the proven one is older, but none of theirs";
  EXPECT_EQ(layer.evictions(), 1U);
}

TEST_F(TransactionsTest, TheProvenPushOutTheUnprovenFirst) {
  layer = Transactions(2, 1 << 20, milliseconds{4000}, 1);
  begin("BYE", true, 1);
  hear(200, "BYE", pbx, 1);
  begin("BYE", false, 2);
  hear(200, "BYE", pbx, 2);
  EXPECT_NE(begin("BYE", true, 3), nullptr);
  EXPECT_EQ(match("BYE", 1), RequestMatch::answered);
  EXPECT_NE(begin("BYE", true, 4), nullptr);
  EXPECT_EQ(match("BYE", 1), RequestMatch::fresh);
}

TEST_F(TransactionsTest, WhatIsToBeRememberedNeedsItsRoomToo) {
  layer = Transactions(10, 4'000, milliseconds{4000}, 1);
  const sip::RawMessage& raw = request("REGISTER");
  const std::string large(3'000, 'm');
  EXPECT_EQ(layer.begin(id_of(1), raw, {phone, pbx, true, raw.bytes, large}, now, out), nullptr);
  EXPECT_EQ(layer.begin(id_of(1), raw, {phone, pbx, true, raw.bytes, {}, large}, now, out), nullptr);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(layer.size(), 0U);
  EXPECT_EQ(layer.next_deadline(), std::nullopt);
  EXPECT_EQ(match("REGISTER"), RequestMatch::fresh);
  const Transaction* transaction = layer.begin(id_of(1), raw, {phone, pbx, true, raw.bytes, "memo", "via"}, now, out);
  ASSERT_NE(transaction, nullptr);
  EXPECT_EQ(transaction->memo, "memo");
  EXPECT_EQ(transaction->hidden_vias, "via");
  EXPECT_THAT(sent(), ElementsAre("core REGISTER"));
}

TEST_F(TransactionsTest, ABodyIsNotKeptBehindTheFirstProvisionalResponse) {
  const sip::RawMessage& big = request("INVITE", {}, std::string(30'000, 'x'));
  Transaction* transaction = layer.begin(id_of(1), big, {phone, pbx, true, big.bytes}, now, out);
  EXPECT_LT(transaction->original.size(), 1000U);
  hear(100);
  EXPECT_LT(transaction->sent.size(), 1000U);
  EXPECT_LT(layer.memory(), 3000U);
}

TEST_F(TransactionsTest, AResponseThatFindsNoRoomStillPasses) {
  layer = Transactions(10, 4'000, milliseconds{4000}, 1);
  begin("INVITE");
  sent();
  const sip::RawMessage& big = response(486, "INVITE", "b1", std::string(10'000, 'x'));
  EXPECT_TRUE(layer.deliver(*find(), big, big.bytes, now, out));
  EXPECT_THAT(sent(), ElementsAre("access 486", "core ACK"));
  EXPECT_LE(layer.memory(), 4'000U);
  run_until(milliseconds{10'000});
  EXPECT_EQ(match("INVITE"), RequestMatch::repeated);
  EXPECT_EQ(match("ACK"), RequestMatch::repeated);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(TransactionsTest, WhatTheProxyWritesIsCounted) {
  Transaction* transaction = begin("INVITE");
  const std::size_t before = layer.memory();
  transaction->memo = std::string(1000, 'm');
  hear(180);
  EXPECT_GT(layer.memory(), before + 900);
  run_until(milliseconds{400'000});
  EXPECT_EQ(layer.size(), 0U);
}

TEST_F(TransactionsTest, AHundredThousandLeaveNothingBehind) {
  layer = Transactions(20'000, 64 << 20, milliseconds{4000}, 1);
  const sip::RawMessage& raw = request("OPTIONS");
  const sip::RawMessage& ok = response(200, "OPTIONS");
  std::size_t most = 0;
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    Transaction* transaction = layer.begin(id_of(i), raw, {phone, pbx, true, raw.bytes}, now, out);
    ASSERT_NE(transaction, nullptr);
    if (i % 8 != 0) {
      ASSERT_TRUE(layer.deliver(*transaction, ok, ok.bytes, now, out));
    }
    out.clear();
    now += milliseconds{1};
    layer.advance(now, all, out);
    out.clear();
    most = std::max(most, layer.size());
  }
  EXPECT_LE(most, 20'000U);
  EXPECT_EQ(layer.evictions(), 0U) << "the answered gave way to their own kind";
  now += milliseconds{40'000};
  while (layer.next_deadline()) {
    layer.advance(now, all, out);
    out.clear();
    now += milliseconds{100};
  }
  EXPECT_EQ(layer.size(), 0U);
  EXPECT_LE(layer.memory(), (64U << 20) / 8);
}

/// Whatever comes in whatever order: nothing lives on when the longest chain of timers behind the last event has passed, bounds hold,
/// and no deadline is missed or left in the past.
class TransactionsProperty : public TransactionsTest, public testing::WithParamInterface<unsigned> {
 protected:
  const sip::RawMessage& any(std::vector<const sip::RawMessage*>& from) { return *from[random() % from.size()]; }
  void step(bool more) {
    const std::uint64_t number = 1 + random() % 12;
    const bool inward = number % 2 == 0;
    const Flow& from = inward ? phone : pbx;
    const Flow& to = inward ? pbx : phone;
    if (random() % 2 == 0) {
      const sip::RawMessage& raw = any(requests);
      const RequestMatch match = layer.match(id_of(number), raw, from, now, out);
      if (match == RequestMatch::fresh && more) layer.begin(id_of(number), raw, {from, to, random() % 2 == 0, raw.bytes}, now, out);
      return;
    }
    const sip::RawMessage& raw = any(responses);
    Transaction* transaction = layer.match_response(id_of(number), raw, to);
    if (transaction == nullptr) return;
    if (layer.wants(*transaction, raw, now, out)) layer.deliver(*transaction, raw, raw.bytes, now, out);
  }

  std::mt19937 random{GetParam()};
  std::vector<const sip::RawMessage*> requests, responses;
};

TEST_P(TransactionsProperty, NothingOutlivesItsTimers) {
  layer = Transactions(8, 8000, milliseconds{4000}, GetParam());
  for (const char* method : {"INVITE", "INVITE", "INVITE", "CANCEL", "ACK", "BYE", "REGISTER"}) requests.push_back(&request(method));
  for (const int status : {100, 180, 183, 200, 200, 302, 486, 487}) {
    for (const char* method : {"INVITE", "INVITE", "BYE", "REGISTER", "CANCEL"}) responses.push_back(&response(status, method));
  }
  for (int i = 0; i < 3000; ++i) {
    step(true);
    ASSERT_LE(layer.size(), 8U);
    ASSERT_LE(layer.memory(), 8000U);
    const bool pause = random() % 50 == 0;
    run_for(milliseconds{random() % (pause ? 60'000 : 400)});
    ASSERT_GT(layer.next_deadline().value_or(TimePoint::max()), now);
  }
  // C, 64*T1 behind the CANCEL, then H
  run_for(Timers::proceeding_timeout + 2 * Timers::transaction_timeout + milliseconds{1000});
  EXPECT_EQ(layer.size(), 0U);
  EXPECT_EQ(layer.next_deadline(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TransactionsProperty, testing::Range(1U, 13U));

}  // namespace
}  // namespace postern::sbc::test
