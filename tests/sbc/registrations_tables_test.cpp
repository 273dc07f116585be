// That the tables of the registrations agree with each other, whatever came and went.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/sbc/registrations_support.hpp"

namespace postern::sbc {
namespace {

// Nobody whose NAT forgets him after a minute waits for a round through places that are free.
TEST(Registrations, EachIsLookedAtInARoundAfterAPeak) {
  Registrations registrations(1000, 7);
  for (int i = 0; i < 1000; ++i)
    registrations.accept(
        binding("a" + std::to_string(i), "c" + std::to_string(i), flow(static_cast<std::uint16_t>(i)), at(i % 100 == 99 ? 900 : 60)));
  EXPECT_EQ(expired(registrations, at(60)).size(), 990U);
  EXPECT_EQ(registrations.places(), 1000U);
  std::set<std::string> visited;
  ListCursor cursor;
  constexpr std::size_t slices = 20;
  std::size_t slice = 0;
  while (registrations.silent(cursor, registrations.places() / slices + 1, at(60), seconds(1),
                              [&](const Binding& silent) { return visited.insert(silent.core_contact).second; }))
    ++slice;
  EXPECT_LT(slice, slices);
  EXPECT_EQ(visited.size(), 10U);
}

// Against a plain list: all that the indexes answer must be what looking at every binding would.
TEST(Registrations, AgreeWithAPlainListOverRandomChanges) {
  std::mt19937 engine(42);
  const auto below = [&engine](int bound) { return std::uniform_int_distribution(0, bound - 1)(engine); };
  Registrations registrations(1000, 7);
  std::map<std::pair<std::string, std::string>, Binding> plain;
  std::size_t ended = 0;
  for (int second = 0; second < 5000; ++second) {
    const std::string aor = std::to_string(below(12));
    const std::string core_contact = std::to_string(below(6));
    const Flow from = flow(static_cast<std::uint16_t>(below(5)), static_cast<std::uint32_t>(below(4)));
    const int action = below(20);
    if (action < 14) {
      const Binding made = binding(aor, core_contact, from, at(second + below(60)));
      const auto known = plain.find({aor, core_contact});
      ASSERT_EQ(registrations.accept(Binding(made)).is_new, known == plain.end() || known->second.flow != from);
      plain[{aor, core_contact}] = made;
    } else if (action < 18) {
      ASSERT_EQ(registrations.remove(aor, core_contact).has_value(), plain.erase({aor, core_contact}) > 0);
    } else if (action == 18) {
      ASSERT_EQ(registrations.remove_all(aor).size(), std::erase_if(plain, [&](const auto& entry) { return entry.first.first == aor; }));
    } else {
      const std::size_t gone = std::erase_if(plain, [&](const auto& entry) { return entry.second.expires <= at(second); });
      ASSERT_EQ(expired(registrations, at(second)).size(), gone);
      ended += gone;
    }
    std::set<std::string> devices;
    bool live = false;
    for (const auto& [key, kept] : plain) {
      if (kept.expires <= at(second)) continue;
      if (kept.flow.peer.address == from.peer.address) devices.insert(key.first);
      live = live || kept.flow == from;
    }
    ASSERT_EQ(registrations.live(from, at(second)), live) << second;
    ASSERT_EQ(registrations.devices_at(from.peer.address, at(second)), devices.size()) << second;
    ASSERT_EQ(registrations.size(), plain.size());
    const Binding* found = registrations.by_core_contact(core_contact);
    ASSERT_EQ(found != nullptr, std::ranges::any_of(plain, [&](const auto& entry) { return entry.first.second == core_contact; }))
        << second;
    if (found != nullptr) {
      ASSERT_TRUE(plain.contains({found->aor_user, core_contact}));
    }
    std::multiset<std::string> listed;
    ListCursor cursor;
    while (
        registrations.list(cursor, 7, at(second), [&](const Binding& kept) { listed.insert(kept.aor_user + " " + kept.core_contact); })) {
    }
    std::multiset<std::string> all;
    for (const auto& [key, kept] : plain) {
      if (kept.expires > at(second)) all.insert(key.first + " " + key.second);
    }
    ASSERT_EQ(listed, all) << second;
  }
  EXPECT_GT(ended, 100U);
}

}  // namespace
}  // namespace postern::sbc
