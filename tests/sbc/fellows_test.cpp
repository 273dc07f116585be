// What one worker learns from another, and what they have in common.
#include "sbc/fellows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "sbc/engine.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::sbc {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint now{1000h};

class Heard final : public Fellows {
 public:
  void tell(Note note) override { notes.push_back(std::move(note)); }
  [[nodiscard]] bool is_ours(const acl::Address& source) const override { return source != elsewhere; }
  void hand_over(const acl::Address& source, const Flow& /*core*/, std::string_view /*bytes*/) override { handed_over.push_back(source); }

  acl::Address elsewhere = acl::Address::v4(0xcb007109);
  std::vector<Note> notes;
  std::vector<acl::Address> handed_over;
};

class Silent final : public EventSink {
 public:
  void on_event(const Event& /*event*/) override {}
};

class FellowsTest : public ::testing::Test {
 protected:
  static EngineOptions options() {
    EngineOptions options;
    options.listeners.push_back({.name = "udp", .bind = {acl::Address::v4(0xc0000201), 5060}, .advertise = {}, .advertise_to = {}});
    options.pbx.addresses = {{acl::Address::v4(0x0a000005), 15060}};
    options.pbx.bind = Endpoint{acl::Address::v4(0x0a000002), 5081};
    options.pbx.worker = 1;
    options.pbx.workers = 2;
    return options;
  }
  static Flow from(std::uint32_t address) {
    Flow flow;
    flow.local = acl::Address::v4(0xc0000201);
    flow.peer = {acl::Address::v4(address), 5060};
    return flow;
  }

  Heard fellows_;
  Silent events_;
  Engine engine_{options(), std::get<std::shared_ptr<const acl::Policy>>(acl::Policy::compile({}, {})), testing::fixed_secrets(), events_,
                 Company{&fellows_, std::make_shared<Shared>(1, false)}};
  Outbox out_;
};

TEST_F(FellowsTest, ABanOfAnotherHoldsHereUntilItEnds) {
  const Datagram packet{"OPTIONS sip:a SIP/2.0\r\n\r\n", from(0xcb007101)};
  EXPECT_NE(engine_.handle(packet, now, out_), Outcome::banned);
  engine_.learn(BanNote{packet.flow.peer.address, now + 1h, static_cast<std::uint16_t>(Cause::rule_ban)}, now);
  EXPECT_EQ(engine_.handle(packet, now + 1s, out_), Outcome::banned);
  EXPECT_NE(engine_.handle({packet.bytes, from(0xcb007102)}, now + 1s, out_), Outcome::banned);
  EXPECT_NE(engine_.handle(packet, now + 2h, out_), Outcome::banned);
  EXPECT_EQ(engine_.gauges().bans_active, 0U) << "whoever imposed it counts it";
  EXPECT_TRUE(fellows_.notes.empty()) << "what is learned is not told again";
}

TEST_F(FellowsTest, WhatIsRestoredIsTold) {
  DurableState kept;
  Binding binding;
  binding.aor_user = "1001";
  binding.call_id = "a-call-id";
  binding.core_contact = "sip:1001~token@10.0.0.2:5081";
  binding.flow = from(0xcb007101);
  binding.expires = now + 1h;
  kept.bindings.push_back(binding);
  kept.bans.push_back({acl::Address::v4(0xcb007103), now + 1h, Cause::rule_ban});
  engine_.restore(std::move(kept), now);
  ASSERT_EQ(fellows_.notes.size(), 2U);
  const auto* registered = std::get_if<RegisteredNote>(&fellows_.notes[0]);
  ASSERT_NE(registered, nullptr);
  EXPECT_EQ(registered->binding->core_contact, binding.core_contact);
  EXPECT_NE(std::get_if<BanNote>(&fellows_.notes[1]), nullptr);
  // It is told when the flow is heard, without another note.
  engine_.handle({"\r\n\r\n", from(0xcb007101)}, now + 10s, out_);
  EXPECT_EQ(registered->binding->last_heard->load(), (now + 10s).time_since_epoch().count());
  EXPECT_EQ(engine_.gauges().registrations, 1U);
  engine_.learn(UnregisteredNote{"1001", binding.core_contact}, now + 11s);
  EXPECT_EQ(engine_.gauges().registrations, 0U);
}

std::shared_ptr<const FellowBinding> fellow(const std::string& contact, const std::string& call_id, TimePoint expires,
                                            const std::string& aor_user = "1001") {
  const FellowBindings teller(1, 1, 7);  // any with the same seed
  return std::make_shared<const FellowBinding>(FellowBinding{aor_user, contact, teller.key_of(call_id), teller.key_of("instance"), expires,
                                                             std::make_shared<SharedTime>(now.time_since_epoch().count())});
}

TEST(FellowBindings, ReplacesByCallIdAtOnceAndByInstanceOnceItIsSilent) {
  FellowBindings bindings(10, 4, 7);
  bindings.keep(fellow("a", "call-a", now + 1h));
  const FellowBinding* found = bindings.replaced_by("1001", "call-a", "", now, 50s);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->core_contact, "a");
  EXPECT_EQ(bindings.replaced_by("1002", "call-a", "instance", now + 60s, 50s), nullptr);
  EXPECT_EQ(bindings.replaced_by("1001", "another", "instance", now + 49s, 50s), nullptr);
  EXPECT_NE(bindings.replaced_by("1001", "another", "instance", now + 50s, 50s), nullptr);
  EXPECT_EQ(bindings.replaced_by("1001", "call-a", "instance", now + 1h, 50s), nullptr) << "it has ended";
}

TEST(FellowBindings, ForgetsOneOrAll) {
  FellowBindings bindings(10, 4, 7);
  bindings.keep(fellow("a", "call-a", now + 1h));
  bindings.keep(fellow("b", "call-b", now + 1h));
  bindings.keep(fellow("b", "call-b", now + 2h));
  EXPECT_EQ(bindings.size(), 2U);
  bindings.forget("1001", "a");
  EXPECT_EQ(bindings.replaced_by("1001", "call-a", "", now, 50s), nullptr);
  EXPECT_NE(bindings.replaced_by("1001", "call-b", "", now + 90min, 50s), nullptr) << "prolonged";
  bindings.forget("1001", "");
  EXPECT_EQ(bindings.size(), 0U);
}

TEST(FellowBindings, IsBounded) {
  FellowBindings bindings(10, 100, 7);
  for (int i = 0; i < 100; ++i) bindings.keep(fellow(std::to_string(i), std::to_string(i), now + 1h + std::chrono::seconds(i)));
  EXPECT_EQ(bindings.size(), 10U);
  EXPECT_EQ(bindings.evictions(), 90U);
  EXPECT_NE(bindings.replaced_by("1001", "99", "", now, 50s), nullptr) << "the one that ends last";
}

/// One account that registered again and again with another Contact filled the table, and each note looked through all of its bindings.
TEST(FellowBindings, HoldsSoManyOfAnAor) {
  FellowBindings bindings(100, 4, 7);
  bindings.keep(fellow("another", "another", now + 1s, "1002"));
  for (int i = 0; i < 100; ++i) bindings.keep(fellow(std::to_string(i), std::to_string(i), now + 1h + std::chrono::seconds(i)));
  EXPECT_EQ(bindings.size(), 5U);
  EXPECT_NE(bindings.replaced_by("1001", "96", "", now, 50s), nullptr);
  EXPECT_EQ(bindings.replaced_by("1001", "95", "", now, 50s), nullptr);
  EXPECT_NE(bindings.replaced_by("1002", "another", "", now, 50s), nullptr) << "it is not of that AOR";
}

TEST(FellowBindings, LetsGoWhatHasEnded) {
  FellowBindings bindings(10, 4, 7);
  for (int i = 1; i <= 3; ++i) bindings.keep(fellow(std::to_string(i), "call", now + std::chrono::seconds(i)));
  EXPECT_EQ(bindings.next_expiry(), now + 1s);
  bindings.expire(now + 2s, 1);
  EXPECT_EQ(bindings.size(), 2U) << "one at a time was asked for";
  bindings.expire(now + 2s, 10);
  EXPECT_EQ(bindings.next_expiry(), now + 3s);
  EXPECT_EQ(bindings.evictions(), 0U);
}

// Against a plain list.
TEST(FellowBindings, AgreeWithAPlainListOverRandomChanges) {
  std::mt19937 engine(42);
  const auto below = [&engine](int bound) { return std::uniform_int_distribution(0, bound - 1)(engine); };
  FellowBindings bindings(1000, 100, 7);
  std::map<std::pair<std::string, std::string>, TimePoint> plain;
  std::size_t ended = 0;
  for (int second = 0; second < 5000; ++second) {
    const TimePoint at = now + std::chrono::seconds(second);
    const std::string aor = std::to_string(below(12)), contact = std::to_string(below(6));
    const int action = below(20);
    if (action < 14) {
      const TimePoint expires = at + std::chrono::seconds(below(60));
      bindings.keep(fellow(contact, "call-" + contact, expires, aor));
      plain[{aor, contact}] = expires;
    } else if (action < 17) {
      bindings.forget(aor, contact);
      plain.erase({aor, contact});
    } else if (action == 17) {
      bindings.forget(aor, "");
      std::erase_if(plain, [&](const auto& entry) { return entry.first.first == aor; });
    } else {
      bindings.expire(at, 1000);
      ended += std::erase_if(plain, [&](const auto& entry) { return entry.second <= at; });
    }
    ASSERT_EQ(bindings.size(), plain.size()) << second;
    const auto kept = plain.find({aor, contact});
    const FellowBinding* found = bindings.replaced_by(aor, "call-" + contact, "", at, 50s);
    ASSERT_EQ(found != nullptr, kept != plain.end() && kept->second > at) << second;
    if (found != nullptr) {
      ASSERT_EQ(found->core_contact, contact);
    }
    const auto soonest = std::ranges::min_element(plain, {}, [](const auto& entry) { return entry.second; });
    ASSERT_EQ(bindings.next_expiry(), soonest == plain.end() ? std::nullopt : std::optional(soonest->second)) << second;
  }
  EXPECT_GT(ended, 100U);
  EXPECT_EQ(bindings.evictions(), 0U);
}

// Memory that is fetched ahead is there, whoever it is that comes.
TEST_F(FellowsTest, WhoIsExpectedChangesNothing) {
  const auto expect = [&] {
    for (const char* source : {"203.0.113.1", "203.0.113.2", "2001:db8::1"}) {
      engine_.expect(*acl::Address::parse(source));
      if (engine_.expect_soon(*acl::Address::parse(source))) engine_.expect_next(*acl::Address::parse(source));
    }
  };
  expect();
  EXPECT_TRUE(engine_.expect_soon(acl::Address::v4(0xcb007101)));
  engine_.ban(acl::Address::v4(0xcb007101), 3600s, now);
  EXPECT_FALSE(engine_.expect_soon(acl::Address::v4(0xcb007101)));
  expect();
  const Datagram packet{"OPTIONS sip:a SIP/2.0\r\n\r\n", from(0xcb007101)};
  EXPECT_EQ(engine_.handle(packet, now, out_), Outcome::banned);
  EXPECT_NE(engine_.handle({packet.bytes, from(0xcb007102)}, now, out_), Outcome::banned);
}

TEST(DigestReplays, OfTwoAtOnceOnePasses) {
  DigestReplays replays(1000, 1, 32s);
  EXPECT_TRUE(replays.pass(7, 1, now));
  EXPECT_TRUE(replays.pass(7, 1, now + 1s));
  EXPECT_FALSE(replays.pass(7, 2, now + 1s));
  EXPECT_EQ(replays.passed_from(7, now + 1s), 1U);
  EXPECT_TRUE(replays.pass(7, 2, now + 34s));
}

TEST(SharedBucket, ThreadsTogetherTakeNoMoreThanThereIs) {
  const acl::RateLimit limit{acl::Rate{.per_second = 1, .burst = 1000}};
  for (const bool alone : {true, false}) {
    acl::SharedBucket bucket(alone);
    std::atomic<int> taken = 0;
    const auto take = [&] {
      for (int i = 0; i < 1000; ++i) taken += bucket.take(limit, now) ? 1 : 0;
    };
    if (alone) {
      take();
      take();
    } else {
      const std::jthread one(take);
      const std::jthread two(take);
    }
    EXPECT_EQ(taken, 1000);
  }
}

}  // namespace
}  // namespace postern::sbc
