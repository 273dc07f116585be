#include "sbc/registrations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sbc/registrations_support.hpp"

namespace postern::sbc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RegistrationsTest : public testing::Test {
 protected:
  Registrations registrations{100, 7};
};

TEST_F(RegistrationsTest, AreFoundByAllTheirNames) {
  EXPECT_TRUE(registrations.accept(binding("1001", "sip:1001~A@pbx", flow(1), at(60))).is_new);
  EXPECT_TRUE(registrations.accept(binding("1001", "sip:1001~B@pbx", flow(2), at(60))).is_new);
  EXPECT_TRUE(registrations.accept(binding("1002", "sip:1002~C@pbx", flow(3), at(60))).is_new);
  EXPECT_EQ(registrations.size(), 3U);
  EXPECT_EQ(contact(registrations.by_core_contact("sip:1001~A@pbx")), "sip:1001~A@pbx");
  EXPECT_EQ(contact(registrations.by_core_contact("sip:1002~C@pbx")), "sip:1002~C@pbx");
  EXPECT_EQ(registrations.by_core_contact("sip:1002~c@pbx"), nullptr);
  EXPECT_TRUE(registrations.live(flow(3), at(0)));
  EXPECT_FALSE(registrations.live(flow(4), at(0)));
}

TEST_F(RegistrationsTest, ARefreshFromTheSameFlowIsNotNew) {
  Binding first = binding("1001", "A", flow(1), at(60));
  first.last_heard = at(0);
  EXPECT_TRUE(registrations.accept(Binding(first)).is_new);
  EXPECT_TRUE(registrations.accept(binding("1001", "B", flow(2), at(60))).is_new);
  first.last_heard = at(50);
  first.expires = at(110);
  EXPECT_FALSE(registrations.accept(Binding(first)).is_new);
  EXPECT_EQ(registrations.size(), 2U);
  const Binding* known = registrations.by_core_contact("A");
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->last_heard, at(50));
  EXPECT_EQ(known->expires, at(110));
  EXPECT_TRUE(registrations.live(flow(1), at(100)));

  Binding moved = first;
  moved.flow = flow(9);
  EXPECT_TRUE(registrations.accept(Binding(moved)).is_new);
  EXPECT_FALSE(registrations.live(flow(1), at(71)));
  EXPECT_TRUE(registrations.live(flow(9), at(71)));
}

TEST_F(RegistrationsTest, LiveMeansExactlyThisFlowUntilItsEnd) {
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  EXPECT_TRUE(registrations.live(flow(1), at(59)));
  EXPECT_FALSE(registrations.live(flow(2), at(59))) << "port";
  EXPECT_FALSE(registrations.live(flow(1, 0xc0000202), at(59))) << "address";
  Flow other = flow(1);
  other.transport = Transport::tcp;
  EXPECT_FALSE(registrations.live(other, at(59)));
  other = flow(1);
  other.listener = 1;
  EXPECT_FALSE(registrations.live(other, at(59)));
  EXPECT_FALSE(registrations.live(flow(1), at(60)));
  EXPECT_EQ(registrations.size(), 1U) << "not yet told of";
  EXPECT_EQ(contact(registrations.by_core_contact("A")), "A");

  EXPECT_FALSE(registrations.accept(binding("1001", "A", flow(1), at(120))).is_new) << "refreshed at the last moment";
  EXPECT_TRUE(registrations.live(flow(1), at(61)));
  EXPECT_THAT(expired(registrations, at(61)), IsEmpty());
}

TEST_F(RegistrationsTest, AFlowLivesAsLongAsOneOfItsBindings) {
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  registrations.accept(binding("1002", "B", flow(1), at(90)));
  EXPECT_TRUE(registrations.live(flow(1), at(70)));
  EXPECT_TRUE(registrations.remove("1002", "B"));
  EXPECT_FALSE(registrations.live(flow(1), at(70)));
}

TEST_F(RegistrationsTest, AFlowTellsWhoIsRegisteredOverIt) {
  EXPECT_EQ(registrations.user_over(flow(1), at(0)), std::nullopt);
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  EXPECT_EQ(registrations.user_over(flow(1), at(0)), "1001");
  EXPECT_EQ(registrations.user_over(flow(2), at(0)), std::nullopt);
  registrations.accept(binding("1002", "B", flow(1), at(60)));
  EXPECT_EQ(registrations.user_over(flow(1), at(0)), "1002");
  EXPECT_TRUE(registrations.registered_over("1001", flow(1), at(0)));
  EXPECT_FALSE(registrations.registered_over("1001", flow(2), at(0)));
  registrations.remove("1002", "B");
  EXPECT_EQ(registrations.user_over(flow(1), at(0)), "") << "nobody can be told for sure";
  EXPECT_EQ(registrations.user_over(flow(1), at(60)), std::nullopt);
  EXPECT_FALSE(registrations.registered_over("1001", flow(1), at(60)));
}

TEST_F(RegistrationsTest, DevicesAtAnAddressAreItsAors) {
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  registrations.accept(binding("1001", "B", flow(2), at(90)));
  registrations.accept(binding("1002", "C", flow(1), at(70)));
  registrations.accept(binding("1003", "D", flow(1, 0xc0000202), at(70)));
  const acl::Address address = flow(1).peer.address;
  EXPECT_EQ(registrations.devices_at(address, at(0)), 2U);
  EXPECT_EQ(registrations.devices_at(address, at(65)), 2U) << "1001 still has B";
  EXPECT_EQ(registrations.devices_at(address, at(70)), 1U);
  EXPECT_EQ(registrations.devices_at(acl::Address::v4(0xc0000202), at(70)), 0U);
  EXPECT_EQ(registrations.devices_at(address, at(90)), 0U);
  EXPECT_EQ(registrations.size(), 4U);
  EXPECT_EQ(registrations.devices_at(acl::Address::v4(0x01010101), at(90)), 0U);
}

TEST_F(RegistrationsTest, AnIpv6HouseholdIsOneSource) {
  registrations.accept(binding("1001", "A", flow_of("2001:db8::1"), at(60)));
  registrations.accept(binding("1002", "B", flow_of("2001:db8::2"), at(60)));
  registrations.accept(binding("1003", "C", flow_of("2001:db8:0:1::1"), at(60)));
  EXPECT_EQ(registrations.devices_at(flow_of("2001:db8::99").peer.address, at(0)), 2U);
}

TEST_F(RegistrationsTest, ARemovedOneIsGoneEverywhere) {
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  EXPECT_FALSE(registrations.remove("1001", "B"));
  EXPECT_FALSE(registrations.remove("1002", "A"));
  EXPECT_TRUE(registrations.remove("1001", "A"));
  EXPECT_FALSE(registrations.remove("1001", "A"));
  EXPECT_EQ(registrations.size(), 0U);
  EXPECT_EQ(registrations.by_core_contact("A"), nullptr);
  EXPECT_FALSE(registrations.live(flow(1), at(0)));
  EXPECT_EQ(registrations.devices_at(flow(1).peer.address, at(0)), 0U);
  EXPECT_EQ(registrations.next_expiry(), std::nullopt);
  registrations.heard(flow(1), at(1));
}

TEST_F(RegistrationsTest, AStarRemovesAllOfOneAor) {
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  registrations.accept(binding("1001", "B", flow(2), at(60)));
  registrations.accept(binding("1002", "C", flow(2), at(60)));
  EXPECT_EQ(registrations.remove_all("1001").size(), 2U);
  EXPECT_EQ(registrations.remove_all("1001").size(), 0U);
  EXPECT_EQ(registrations.size(), 1U);
  EXPECT_TRUE(registrations.live(flow(2), at(0)));
}

TEST_F(RegistrationsTest, TwoAorsMayShareAContact) {
  registrations.accept(binding("1001", "shared", flow(1), at(60)));
  EXPECT_TRUE(registrations.accept(binding("1002", "shared", flow(1), at(60))).is_new);
  EXPECT_EQ(registrations.size(), 2U);
  EXPECT_TRUE(registrations.remove("1001", "shared"));
  ASSERT_NE(registrations.by_core_contact("shared"), nullptr);
  EXPECT_EQ(registrations.by_core_contact("shared")->aor_user, "1002");
}

TEST_F(RegistrationsTest, EndInTheOrderOfTheirTimes) {
  registrations.accept(binding("1001", "late", flow(1), at(90)));
  registrations.accept(binding("1001", "soon", flow(2), at(30)));
  registrations.accept(binding("1002", "middle", flow(3), at(60)));
  EXPECT_EQ(registrations.next_expiry(), at(30));
  EXPECT_THAT(expired(registrations, at(29)), IsEmpty());
  EXPECT_THAT(expired(registrations, at(30)), ElementsAre("soon"));
  EXPECT_FALSE(registrations.live(flow(3), at(60)));
  EXPECT_EQ(registrations.next_expiry(), at(60)) << "not live, but still to be told of";
  EXPECT_THAT(expired(registrations, at(100), 1), ElementsAre("middle")) << "the limit";
  EXPECT_THAT(expired(registrations, at(100), 1), ElementsAre("late"));
  EXPECT_EQ(registrations.size(), 0U);
}

TEST_F(RegistrationsTest, WhatEndedTellsWhenItWasHeardLast) {
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  registrations.heard(flow(1), at(40));
  std::vector<TimePoint> heard;
  registrations.expire(at(60), 10, [&heard](const Binding& ended) { heard.push_back(ended.last_heard); });
  EXPECT_THAT(heard, ElementsAre(at(40)));
}

TEST_F(RegistrationsTest, ARebindingIsFoundByItsCallId) {
  Binding old = binding("1001", "A", flow(1), at(60));
  old.call_id = "x@device";
  registrations.accept(Binding(old));
  const auto replaced = [&](std::string_view aor, std::string_view call_id, const Flow& from, std::int64_t second = 1) {
    return contact(registrations.replaced_by(aor, call_id, "", from, at(second), seconds(40)));
  };
  EXPECT_EQ(replaced("1001", "x@device", flow(2)), "A");
  EXPECT_EQ(replaced("1001", "x@device", flow(1)), "none") << "the same flow";
  EXPECT_EQ(replaced("1002", "x@device", flow(2)), "none");
  EXPECT_EQ(replaced("1001", "y@device", flow(2)), "none");
  EXPECT_EQ(replaced("1001", "x@device", flow(2), 60), "none") << "the PBX holds it no longer";
  Flow reconnected = flow(1);
  reconnected.connection = 5;
  EXPECT_EQ(replaced("1001", "x@device", reconnected), "A");

  old.core_contact = "B";
  old.flow = flow(3);
  registrations.accept(Binding(old));
  EXPECT_EQ(replaced("1001", "x@device", flow(2)), "B") << "the newest";
  old.core_contact = "A";
  old.flow = flow(4);
  EXPECT_TRUE(registrations.accept(Binding(old)).is_new);
  EXPECT_EQ(replaced("1001", "x@device", flow(2)), "A") << "it moved last";

  old.call_id = "";
  old.aor_user = "1003";
  registrations.accept(Binding(old));
  EXPECT_EQ(replaced("1003", "", flow(2)), "none");
}

TEST_F(RegistrationsTest, ARebindingIsFoundByItsInstanceIfItsFlowIsSilent) {
  Binding old = binding("1001", "A", flow(1), at(300));
  old.instance = "<urn:uuid:1>";
  old.last_heard = at(0);
  registrations.accept(Binding(old));
  const auto replaced = [&](std::string_view instance, std::int64_t second, const Flow& from) {
    return contact(registrations.replaced_by("1001", "new@device", instance, from, at(second), seconds(40)));
  };
  EXPECT_EQ(replaced("<urn:uuid:1>", 39, flow(2)), "none") << "two phones with one instance";
  EXPECT_EQ(replaced("<urn:uuid:1>", 40, flow(2)), "A");
  EXPECT_EQ(replaced("<urn:uuid:1>", 40, flow(1)), "none");
  EXPECT_EQ(replaced("<urn:uuid:2>", 40, flow(2)), "none");
  EXPECT_EQ(replaced("", 40, flow(2)), "none");
  registrations.heard(flow(1), at(30));
  EXPECT_EQ(replaced("<urn:uuid:1>", 69, flow(2)), "none");
  EXPECT_EQ(replaced("<urn:uuid:1>", 70, flow(2)), "A");
  EXPECT_EQ(registrations.by_core_contact("A")->last_heard, at(30));
}

TEST_F(RegistrationsTest, AreListedOnceWhateverChangesMeanwhile) {
  for (int i = 1; i <= 5; ++i) registrations.accept(binding("100" + std::to_string(i), "c" + std::to_string(i), flow(5060), at(100)));
  std::vector<std::string> listed;
  ListCursor cursor;
  const auto visit = [&listed](const Binding& found) { listed.push_back(found.core_contact); };
  EXPECT_TRUE(registrations.list(cursor, 2, at(0), visit));
  registrations.accept(binding("1001", "c1", flow(5060), at(200)));  // told already
  registrations.accept(binding("1004", "c4", flow(5062), at(200)));
  registrations.remove("1003", "c3");
  registrations.accept(binding("1006", "c6", flow(5060), at(200)));  // came later
  EXPECT_FALSE(registrations.list(cursor, 100, at(0), visit));
  EXPECT_THAT(listed, ElementsAre("c1", "c2", "c4", "c5"));
  EXPECT_FALSE(registrations.list(cursor, 100, at(0), visit));
  EXPECT_EQ(listed.size(), 4U);
  // What has ended and was not taken out yet is no registration.
  listed.clear();
  ListCursor later;
  EXPECT_FALSE(registrations.list(later, 100, at(150), visit));
  EXPECT_THAT(listed, UnorderedElementsAre("c1", "c4", "c6"));
}

TEST_F(RegistrationsTest, ARefreshKeepsWhatIsKnownOfItsFlow) {
  Binding made = binding("1001", "c1", flow(1), at(60));
  made.proven = false;
  registrations.accept(Binding(made));
  const auto heard = registrations.shared_last_heard(flow(1));
  EXPECT_TRUE(registrations.unproven(flow(1), at(0)));
  made.proven = true;
  made.expires = at(90);
  EXPECT_FALSE(registrations.accept(Binding(made)).is_new);
  EXPECT_FALSE(registrations.unproven(flow(1), at(0)));
  registrations.heard(flow(1), at(30));
  EXPECT_EQ(heard->load(), at(30).time_since_epoch().count()) << "whoever was given it goes on to be told";
  EXPECT_EQ(registrations.devices_at(flow(1).peer.address, at(0)), 1U);
  made.expires = at(40);
  registrations.accept(Binding(made));
  EXPECT_EQ(registrations.next_expiry(), at(40)) << "it may end sooner as well";
  EXPECT_TRUE(registrations.remove("1001", "c1"));
  EXPECT_FALSE(registrations.live(flow(1), at(0)));
  EXPECT_EQ(registrations.devices_at(flow(1).peer.address, at(0)), 0U);
}

TEST_F(RegistrationsTest, SinceIsTheFirstOverThisFlow) {
  const auto since = [this] { return registrations.by_core_contact("c1")->since; };
  const auto registered = [](const Flow& from, std::int64_t second) {
    Binding made = binding("1001", "c1", from, at(second + 100));
    made.since = at(second);
    return made;
  };
  registrations.accept(registered(flow(5060), 0));
  registrations.accept(registered(flow(5060), 50));
  EXPECT_EQ(since(), at(0));
  registrations.accept(registered(flow(5062), 60));
  EXPECT_EQ(since(), at(60));
  EXPECT_FALSE(registrations.live(flow(5062), at(170)));
  registrations.accept(registered(flow(5062), 170));
  EXPECT_EQ(since(), at(170)) << "it had ended meanwhile";
}

TEST_F(RegistrationsTest, WhatWasExpectedToGiveWayMayHaveGone) {
  registrations.expect_one_of("1001");
  registrations.expect_further();
  for (std::uint16_t i = 0; i < Registrations::bindings_an_aor; ++i)
    registrations.accept(binding("1001", "old" + std::to_string(i), flow(i), at(60 + i)));
  registrations.expect_one_of("1001");
  EXPECT_EQ(registrations.remove_all("1001").size(), Registrations::bindings_an_aor);
  registrations.expect_further();
  EXPECT_TRUE(registrations.accept(binding("1001", "new", flow(99), at(70))).is_new);
  EXPECT_EQ(registrations.size(), 1U);
  EXPECT_EQ(registrations.evictions(), 0U);
}

TEST_F(RegistrationsTest, AnAorKeepsSixteen) {
  for (int i = 0; i < 16; ++i)
    registrations.accept(binding("1001", std::to_string(i), flow(static_cast<std::uint16_t>(i)), at(60 + (i + 8) % 16)));
  registrations.accept(binding("1002", "other", flow(100), at(1)));
  EXPECT_EQ(registrations.evictions(), 0U);
  EXPECT_TRUE(registrations.accept(binding("1001", "new", flow(99), at(50))).is_new);
  EXPECT_EQ(registrations.size(), Registrations::bindings_an_aor + 1) << "and the other AOR's";
  EXPECT_EQ(registrations.by_core_contact("8"), nullptr) << "its end was the nearest";
  EXPECT_EQ(contact(registrations.by_core_contact("other")), "other");
  EXPECT_EQ(registrations.evictions(), 1U);
  EXPECT_FALSE(registrations.accept(binding("1001", "new", flow(99), at(70))).is_new) << "a refresh evicts nothing";
  EXPECT_EQ(registrations.evictions(), 1U);
}

TEST(Registrations, AFullTableEvictsWhatEndsSoonest) {
  Registrations registrations(3, 7);
  registrations.accept(binding("1001", "A", flow(1), at(60)));
  registrations.accept(binding("1002", "B", flow(2), at(30)));
  registrations.accept(binding("1003", "C", flow(3), at(90)));
  registrations.accept(binding("1004", "D", flow(4), at(80)));
  EXPECT_EQ(registrations.size(), 3U);
  EXPECT_EQ(registrations.evictions(), 1U);
  EXPECT_EQ(registrations.by_core_contact("B"), nullptr);
  EXPECT_FALSE(registrations.live(flow(1), at(60)));
  registrations.accept(binding("1005", "E", flow(5), at(100)));
  EXPECT_EQ(registrations.by_core_contact("A"), nullptr) << "what has lapsed goes before what lives";
  EXPECT_EQ(registrations.size(), 3U);
}

}  // namespace
}  // namespace postern::sbc
