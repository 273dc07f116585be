#include "sbc/listeners.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace postern::sbc {
namespace {

using testing::ElementsAre;

ListenerOptions listener(const char* address, std::uint16_t port, std::string name = "") {
  ListenerOptions options;
  options.bind = {acl::Address::parse(address).value_or(acl::Address()), port};
  options.name = name.empty() ? options.bind.to_string() : std::move(name);
  return options;
}

std::vector<std::string> slots(const std::vector<ListenerOptions>& current, std::vector<ListenerOptions> wanted) {
  std::vector<std::string> out;
  for (const ListenerOptions& slot : in_slots(current, std::move(wanted)).value_or(std::vector<ListenerOptions>{}))
    out.push_back(slot.name + (slot.open ? "" : " closed"));
  return out;
}

const ListenerOptions one = listener("192.0.2.1", 5060, "one");
const ListenerOptions two = listener("192.0.2.1", 5062, "two");

TEST(Listeners, KeepTheirSlots) {
  EXPECT_THAT(slots({}, {one, two}), ElementsAre("one", "two"));
  EXPECT_THAT(slots({one, two}, {two, one}), ElementsAre("one", "two"));
  EXPECT_THAT(slots({one, two}, {two}), ElementsAre("one closed", "two"));
  EXPECT_THAT(slots({one}, {two, one}), ElementsAre("one", "two"));
  EXPECT_THAT(slots({one, two}, {listener("192.0.2.1", 5062, "renamed"), one}), ElementsAre("one", "renamed"));
}

TEST(Listeners, ASlotIsNotGivenToAnother) {
  ListenerOptions closed = one;
  closed.open = false;
  EXPECT_THAT(slots({closed}, {two}), ElementsAre("one closed", "two"));
  EXPECT_THAT(slots({closed, two}, {two, one}), ElementsAre("one", "two")) << "back in its own";
  EXPECT_THAT(slots({closed, two}, {two, listener("0.0.0.0", 5060, "all")}), ElementsAre("one closed", "two", "all"));
}

TEST(Listeners, AWildcardAndOneOfItsAddressesTakeEachOthersPlace) {
  EXPECT_THAT(slots({one, two}, {two, listener("0.0.0.0", 5060, "all")}), ElementsAre("all", "two"));
  EXPECT_THAT(slots({listener("0.0.0.0", 5060)}, {one}), ElementsAre("one"));
  EXPECT_THAT(slots({listener("::", 5060, "six")}, {one}), ElementsAre("six closed", "one"));
  const ListenerOptions other = listener("192.0.2.2", 5060, "other");
  EXPECT_THAT(slots({listener("0.0.0.0", 5060)}, {one, other}), ElementsAre("one", "other"));
  EXPECT_THAT(slots({one, other}, {listener("0.0.0.0", 5060, "all")}), ElementsAre("all", "other closed"));
}

TEST(Listeners, SlotsEndAtTheBound) {
  std::vector<ListenerOptions> current;
  for (std::uint16_t port = 1; port <= no_listener; ++port) current.push_back(listener("192.0.2.9", port));
  EXPECT_TRUE(in_slots(current, {current.front()}));
  EXPECT_FALSE(in_slots(current, {one}));
}

TEST(Listeners, AreFoundByWhereTheySendFrom) {
  std::vector<ListenerOptions> all{one, listener("0.0.0.0", 5062), listener("::", 5060)};
  const auto at = [&all](const char* address, std::uint16_t port) {
    return listener_at(addresses_of(all), Transport::udp, {acl::Address::parse(address).value_or(acl::Address()), port});
  };
  EXPECT_EQ(at("192.0.2.1", 5060), 0);
  EXPECT_EQ(at("192.0.2.7", 5062), 1);
  EXPECT_EQ(at("2001:db8::1", 5060), 2);
  EXPECT_EQ(at("192.0.2.7", 5060), no_listener);
  EXPECT_EQ(listener_at(addresses_of(all), Transport::tcp, one.bind), no_listener);
  all[0].open = false;
  EXPECT_EQ(at("192.0.2.1", 5060), no_listener);
}

}  // namespace
}  // namespace postern::sbc
