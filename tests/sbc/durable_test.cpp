// What the engine tells of what outlives a restart, and what it takes back.
#include "sbc/durable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sbc/state.hpp"

namespace postern::sbc {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Recorder final : public DurableSink {
 public:
  void add(const Binding& binding) override { told.push_back("new binding " + binding.core_contact); }
  void keep(const Binding& binding, Urgency urgency) override { told.push_back("binding " + binding.core_contact + word(urgency)); }
  void forget(const Binding& binding) override { told.push_back("no binding " + binding.core_contact); }
  void keep(const DurableBan& ban) override { told.push_back("ban " + ban.source.to_string()); }
  void forget(const DurableBan& ban) override { told.push_back("no ban " + ban.source.to_string()); }
  void keep(const AccountBlock& block) override { told.push_back("block " + block.source.to_string() + " " + block.account); }
  void forget(const AccountBlock& block) override { told.push_back("no block " + block.source.to_string() + " " + block.account); }
  void keep(const DurableOffence& offence) override { told.push_back("offence " + offence.source.to_string()); }
  void keep(const DurableAcceptance& acceptance, Urgency urgency) override {
    told.push_back("acceptance " + std::to_string(acceptance.key) + word(urgency));
  }
  void keep(const DurableTrust& trust, Urgency urgency) override { told.push_back("trust " + trust.source.to_string() + word(urgency)); }
  void keep(TokenTable /*table*/, std::uint64_t key, std::string_view text) override {
    told.push_back("content " + std::to_string(key) + " " + std::string(text));
  }
  void forget(TokenTable /*table*/, std::uint64_t key) override { told.push_back("no content " + std::to_string(key)); }
  std::vector<std::string> take() { return std::exchange(told, {}); }

  std::vector<std::string> told;

 private:
  static std::string word(Urgency urgency) { return urgency == Urgency::at_once ? "!" : ""; }
};

class Silent final : public EventSink {
 public:
  void on_event(const Event& /*event*/) override {}
};

acl::Address address(std::string_view text) { return acl::Address::parse(text).value_or(acl::Address()); }

EngineOptions options() {
  EngineOptions options;
  options.listeners.resize(1);
  options.pbx.addresses = {{address("10.0.0.5"), 15060}};
  options.pbx.bind = Endpoint{address("10.0.0.2"), 5080};
  return options;
}

class DurableTest : public testing::Test {
 protected:
  [[nodiscard]] Binding binding(const std::string& user, acl::Duration left = hours(1)) const {
    Binding made;
    made.aor_user = user;
    made.call_id = "call";
    made.contact_uri = "sip:device@192.168.1.2";
    made.core_contact = user;
    made.flow.local = address("192.0.2.1");
    made.flow.peer = {address("203.0.113.7"), 5060};
    made.expires = now_ + left;
    return made;
  }
  /// All that is retold, in as many turns as it takes.
  std::vector<std::string> retold() {
    recorder_.take();
    RetellCursor cursor;
    for (int turns = 0; cursor.stage != RetellCursor::Stage::done && turns < 10'000; ++turns) retell_durable(state_, cursor, now_);
    EXPECT_EQ(cursor.stage, RetellCursor::Stage::done);
    return recorder_.take();
  }

  const TimePoint now_{hours(1000)};
  Silent events_;
  Recorder recorder_;
  State state_{sbc::Setup(options(), std::get<std::shared_ptr<const acl::Policy>>(acl::Policy::compile({}, {}))), Secrets{}, events_, {}};
};

TEST_F(DurableTest, TellsNewMovedAndRemovedBindingsAtOnceAndLetsARefreshWait) {
  tell_durable(state_, recorder_);
  state_.registrations.accept(binding("a"));
  EXPECT_THAT(recorder_.take(), ElementsAre("new binding a"));
  state_.registrations.accept(binding("a", hours(2)));
  EXPECT_THAT(recorder_.take(), ElementsAre("binding a"));
  Binding moved = binding("a");
  moved.flow.peer.port = 6000;
  state_.registrations.accept(Binding(moved));
  EXPECT_THAT(recorder_.take(), ElementsAre("trust 203.0.113.7!", "binding a!"));
  moved.call_id = "another";
  state_.registrations.accept(Binding(moved));
  EXPECT_THAT(recorder_.take(), ElementsAre("binding a!")) << "by its Call-ID a rebinding is known";
  state_.registrations.remove("a", "a");
  EXPECT_THAT(recorder_.take(), ElementsAre("trust 203.0.113.7!", "no binding a")) << "its source stays known";
  state_.registrations.accept(binding("b"));
  state_.registrations.remove_all("b");
  EXPECT_THAT(recorder_.take(), ElementsAre("new binding b", "trust 203.0.113.7!", "no binding b"));
}

TEST_F(DurableTest, ABindingThatLapsedIsNewWhenItComesAgain) {
  tell_durable(state_, recorder_);
  state_.registrations.accept(binding("a", seconds(10)));
  EXPECT_FALSE(state_.registrations.live(binding("a").flow, now_ + seconds(10)));
  recorder_.take();
  state_.registrations.accept(binding("a"));
  EXPECT_THAT(recorder_.take(), ElementsAre("binding a!"));
}

TEST_F(DurableTest, AnEvictedBindingIsForgotten) {
  tell_durable(state_, recorder_);
  for (std::size_t i = 0; i <= Registrations::bindings_an_aor; ++i) {
    Binding made = binding("a", hours(1) + seconds(i));
    made.core_contact = "c" + std::to_string(i);
    state_.registrations.accept(Binding(made));
  }
  EXPECT_THAT(recorder_.take(),
              testing::AllOf(testing::Contains("no binding c0"), testing::Not(testing::Contains(testing::HasSubstr("trust")))));
  EXPECT_EQ(state_.registrations.evictions(), 1U);
}

TEST_F(DurableTest, TellsProvenBansOnly) {
  tell_durable(state_, recorder_);
  const auto ban = [&](const char* source, acl::Proof proof, acl::Duration duration) {
    state_.bans.add(address(source), proof, duration, static_cast<std::uint16_t>(Cause::rule_ban), now_);
  };
  ban("192.0.2.1", acl::Proof::unproven, hours(1));
  EXPECT_THAT(recorder_.take(), IsEmpty());
  ban("192.0.2.1", acl::Proof::proven, hours(1));
  ban("2001:db8:1:2:3:4:5:6", acl::Proof::proven, hours(1));
  EXPECT_THAT(recorder_.take(), ElementsAre("ban 192.0.2.1", "ban 2001:db8:1:2::"));
  ban("192.0.2.1", acl::Proof::proven, seconds(10));
  EXPECT_THAT(recorder_.take(), IsEmpty()) << "no shorter one";
  ban("192.0.2.1", acl::Proof::proven, hours(2));
  EXPECT_THAT(recorder_.take(), ElementsAre("ban 192.0.2.1"));
}

TEST_F(DurableTest, TellsWhatDoesNotFitAToken) {
  tell_durable(state_, recorder_);
  InwardToken token;
  token.flow = binding("a").flow;
  token.scheme = "sip";
  token.rest = "@192.168.1.20;x=" + std::string(400, 'x');
  std::string letters;
  ASSERT_TRUE(state_.tokens.seal(token, "1001", letters));
  EXPECT_THAT(recorder_.take(), SizeIs(1));
  ASSERT_TRUE(state_.tokens.seal(token, "1001", letters));
  EXPECT_THAT(recorder_.take(), IsEmpty()) << "it is there";
  token.rest = "@192.168.1.20";
  ASSERT_TRUE(state_.tokens.seal(token, "1001", letters));
  EXPECT_THAT(recorder_.take(), IsEmpty()) << "it fits";
}

TEST_F(DurableTest, TakesBackWhatHasNotEnded) {
  DurableState kept;
  kept.bindings = {binding("old", hours(-1)), binding("a"), binding("b")};
  kept.bindings.back().last_heard = now_ - hours(2);
  kept.bans = {{address("192.0.2.9"), now_ + hours(1), Cause::rule_ban}, {address("192.0.2.10"), now_ - hours(1), Cause::rule_ban}};
  kept.trust = {{address("203.0.113.7"), now_ + hours(1)}, {address("203.0.113.8"), now_}};
  restore_durable(state_, kept, now_);
  EXPECT_EQ(state_.registrations.size(), 2U);
  EXPECT_TRUE(state_.registrations.live(binding("a").flow, now_));
  EXPECT_EQ(state_.registrations.evictions(), 0U);
  ASSERT_NE(state_.bans.check(address("192.0.2.9"), now_), nullptr);
  EXPECT_EQ(state_.bans.check(address("192.0.2.9"), now_)->proof, acl::Proof::proven);
  EXPECT_EQ(state_.bans.check(address("192.0.2.9"), now_ + hours(1)), nullptr);
  EXPECT_EQ(state_.bans.size(), 1U);
  EXPECT_TRUE(state_.sources.touch(address("203.0.113.7"), now_).known(now_));
  EXPECT_EQ(state_.sources.size(), 1U);
}

TEST_F(DurableTest, ABindingGrantsTrustUntilItsEndAndAShorterOneTakesNoneAway) {
  tell_durable(state_, recorder_);
  state_.registrations.accept(binding("a", hours(2)));
  recorder_.take();
  state_.registrations.accept(binding("a", hours(1)));
  EXPECT_THAT(recorder_.take(), ElementsAre("trust 203.0.113.7!", "binding a"));
  DurableState kept;
  kept.bindings = {binding("b", hours(3))};
  kept.bindings.front().flow.peer.address = address("203.0.113.9");
  restore_durable(state_, kept, now_);
  EXPECT_TRUE(state_.sources.touch(address("203.0.113.9"), now_).known(now_ + hours(3) - seconds(1)));
  EXPECT_FALSE(state_.sources.touch(address("203.0.113.9"), now_).known(now_ + hours(3)));
}

TEST_F(DurableTest, NobodyCountsAsSilentForTheTimeThatNobodyListened) {
  DurableState kept;
  kept.bindings = {binding("a")};
  kept.bindings.front().instance = "one";
  kept.bindings.front().last_heard = now_ - hours(1);
  restore_durable(state_, kept, now_);
  Flow other = binding("a").flow;
  other.peer.port = 9;
  EXPECT_EQ(state_.registrations.replaced_by("a", "", "one", other, now_, seconds(50)), nullptr);
  EXPECT_NE(state_.registrations.replaced_by("a", "", "one", other, now_ + seconds(50), seconds(50)), nullptr);
}

TEST_F(DurableTest, RetellsAllThatStands) {
  tell_durable(state_, recorder_);
  std::vector<std::string> expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string user = std::to_string(i);
    state_.registrations.accept(binding(user, hours(1) + seconds(i / 100)));
    expected.push_back("binding " + user);
  }
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const acl::Address source = acl::Address::v4(0x0a000000 + i);
    state_.sources.touch(source, now_).prolong_known(now_ + hours(1));
    expected.push_back("trust " + source.to_string());
  }
  state_.sources.touch(address("192.0.2.77"), now_);  // a stranger
  state_.bans.add(address("192.0.2.9"), acl::Proof::proven, hours(1), static_cast<std::uint16_t>(Cause::rule_ban), now_);
  state_.bans.add(address("192.0.2.10"), acl::Proof::unproven, hours(1), static_cast<std::uint16_t>(Cause::rule_ban), now_);
  expected.emplace_back("ban 192.0.2.9");
  state_.tokens.restore({TokenTable::outward, 5, "text"});
  recorder_.take();
  expected.emplace_back("content 5 text");
  std::vector<std::string> found = retold();
  std::ranges::sort(found);  // UnorderedElementsAreArray compares each with each
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
}

TEST_F(DurableTest, AWorkerTakesWhatIsOfItsSources) {
  const acl::Address its = address("203.0.113.7");
  const acl::Address other = address("198.51.100.9");
  Binding of_other = binding("1002");
  of_other.flow.peer.address = other;
  const TimePoint until = now_ + hours(1);
  const DurableState kept{.bindings = {binding("1001"), of_other},
                          .bans = {{.source = its, .until = until}, {.source = other, .until = until}},
                          .blocks = {{its, "1001", until, now_}, {other, "1002", until, now_}},
                          .offences = {{its, 1, until}, {other, 1, until}},
                          .acceptances = {{17, until}},
                          .trust = {{its, until}, {other, until}},
                          .contents = {{TokenTable::inward, 1, "text"}}};
  const DurableState part = part_of(kept, [&](const acl::Address& source) { return source == its; });
  EXPECT_THAT(part.bindings, SizeIs(1));
  EXPECT_THAT(part.bans, SizeIs(1));
  EXPECT_THAT(part.blocks, SizeIs(1));
  EXPECT_EQ(part.blocks.at(0).account, "1001");
  EXPECT_THAT(part.offences, SizeIs(1));
  EXPECT_THAT(part.acceptances, SizeIs(1));
  EXPECT_THAT(part.trust, SizeIs(1));
  EXPECT_THAT(part.contents, SizeIs(1));
}

}  // namespace
}  // namespace postern::sbc
