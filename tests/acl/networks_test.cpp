#include "acl/networks.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support.hpp"

namespace postern::acl {
namespace {

using Entries = std::vector<NetworkMap::Entry>;

std::optional<std::uint32_t> naive_find(const Entries& entries, const Address& wanted) {
  std::optional<std::uint32_t> value;
  int longest = -1;
  for (const auto& entry : entries) {
    if (!entry.network.contains(wanted) || entry.network.prefix_length() < static_cast<unsigned>(std::max(longest, 0))) continue;
    longest = static_cast<int>(entry.network.prefix_length());
    value = entry.value;
  }
  return value;
}

TEST(NetworkMap, TheMostSpecificDecides) {
  const NetworkMap map(
      {{network("10.0.0.0/8"), 1}, {network("10.1.0.0/16"), 2}, {network("10.1.2.0/24"), 3}, {network("2001:db8::/32"), 4}});
  EXPECT_EQ(map.find(address("10.0.0.1")), 1U);
  EXPECT_EQ(map.find(address("10.1.0.1")), 2U);
  EXPECT_EQ(map.find(address("10.1.2.255")), 3U);
  EXPECT_EQ(map.find(address("10.1.3.0")), 2U);
  EXPECT_EQ(map.find(address("10.2.0.0")), 1U);
  EXPECT_EQ(map.find(address("11.0.0.0")), std::nullopt);
  EXPECT_EQ(map.find(address("9.255.255.255")), std::nullopt);
  EXPECT_EQ(map.find(address("2001:db8:ffff::1")), 4U);
  EXPECT_EQ(map.find(address("2001:db9::")), std::nullopt);
}

TEST(NetworkMap, WholeFamiliesStayApart) {
  const NetworkMap only4({{network("0.0.0.0/0"), 4}});
  EXPECT_EQ(only4.find(address("255.255.255.255")), 4U);
  EXPECT_EQ(only4.find(address("::1")), std::nullopt);
  const NetworkMap only6({{network("::/0"), 6}});
  EXPECT_EQ(only6.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), 6U);
  EXPECT_EQ(only6.find(address("1.2.3.4")), std::nullopt);
}

TEST(NetworkMap, EdgesOfTheSpace) {
  const NetworkMap map({{network("0.0.0.0"), 1},
                        {network("255.255.255.255"), 2},
                        {network("::"), 3},
                        {network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 4}});
  EXPECT_EQ(map.find(address("0.0.0.0")), 1U);
  EXPECT_EQ(map.find(address("0.0.0.1")), std::nullopt);
  EXPECT_EQ(map.find(address("255.255.255.255")), 2U);
  EXPECT_EQ(map.find(address("255.255.255.254")), std::nullopt);
  EXPECT_EQ(map.find(address("::")), 3U);
  EXPECT_EQ(map.find(address("::1")), std::nullopt);
  EXPECT_EQ(map.find(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), 4U);
}

TEST(NetworkMap, OfTheSameNetworkTheLaterWins) {
  const NetworkMap map({{network("10.0.0.0/8"), 1}, {network("10.0.0.0/24"), 7}, {network("10.0.0.0/8"), 2}});
  EXPECT_EQ(map.find(address("10.9.0.0")), 2U);
  EXPECT_EQ(map.find(address("10.0.0.9")), 7U);
}

TEST(NetworkMap, EmptyFindsNothing) {
  EXPECT_TRUE(NetworkMap().empty());
  EXPECT_TRUE(NetworkMap(Entries{}).empty());
  EXPECT_EQ(NetworkMap().find(address("1.2.3.4")), std::nullopt);
  EXPECT_FALSE(NetworkMap({{network("::1"), 0}}).empty());
}

/// Few distinct bits, so that networks nest and repeat and look-ups hit.
Address crowded_address(std::mt19937_64& random, bool v4) {
  if (v4) return Address::v4(0x0a000000U | static_cast<std::uint32_t>(random() & 0x000303ffU));
  Address::Bytes bytes{0x20, 0x01};
  bytes[7] = static_cast<std::uint8_t>(random() & 3);
  bytes[8] = static_cast<std::uint8_t>(random() & 0xc0);
  bytes[15] = static_cast<std::uint8_t>(random());
  return Address::v6(bytes);
}

TEST(NetworkMap, AgreesWithALinearSearch) {
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 60; ++round) {
    Entries entries;
    for (int i = 0; i < 120; ++i) {
      const bool v4 = random() % 2 == 0;
      const auto prefix = static_cast<unsigned>(v4 ? random() % 33 : random() % 129);
      entries.push_back({Network(crowded_address(random, v4), prefix), static_cast<std::uint32_t>(random() % 9)});
    }
    const NetworkMap map(entries);
    for (int i = 0; i < 500; ++i) {
      const Address wanted = crowded_address(random, random() % 2 == 0);
      ASSERT_EQ(map.find(wanted), naive_find(entries, wanted)) << wanted.to_string() << " in round " << round;
    }
    for (const auto& entry : entries) ASSERT_EQ(map.find(entry.network.address()), naive_find(entries, entry.network.address()));
  }
}

TEST(NetworkMap, HoldsAMillionNetworks) {
  Entries entries;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) entries.push_back({Network(Address::v4(i << 8), i % 2 == 0 ? 24 : 26), i});
  entries.push_back({network("0.0.0.0/1"), 5'000'000});
  const NetworkMap map(entries);
  EXPECT_EQ(map.find(Address::v4((999'998U << 8) | 200U)), 999'998U);
  EXPECT_EQ(map.find(Address::v4((999'999U << 8) | 10U)), 999'999U);
  EXPECT_EQ(map.find(Address::v4((999'999U << 8) | 200U)), 5'000'000U);
  EXPECT_EQ(map.find(address("200.1.1.1")), std::nullopt);
}

TEST(NetworkSet, HoldsWhatItsNetworksHold) {
  const std::vector<Network> networks{network("203.0.113.0/24"), network("2001:db8:42::/48")};
  const NetworkSet set(networks);
  EXPECT_TRUE(set.contains(address("203.0.113.255")));
  EXPECT_TRUE(set.contains(address("2001:db8:42:ffff::1")));
  EXPECT_FALSE(set.contains(address("203.0.114.0")));
  EXPECT_FALSE(set.contains(address("2001:db8:43::")));
  EXPECT_TRUE(NetworkSet().empty());
  EXPECT_FALSE(NetworkSet().contains(address("0.0.0.0")));
}

TEST(NetworkList, ReadsAddressesNetworksAndComments) {
  const auto list = parse_network_list("# a list\r\n\r\n10.0.0.0/8\r\n\t2001:db8::1 # a host\n   \n192.0.2.1");
  EXPECT_TRUE(list.problems.empty());
  ASSERT_EQ(list.networks.size(), 3U);
  EXPECT_EQ(list.networks[0], network("10.0.0.0/8"));
  EXPECT_EQ(list.networks[1], network("2001:db8::1/128"));
  EXPECT_EQ(list.networks[2], network("192.0.2.1/32"));
}

TEST(NetworkList, ReportsEachProblemWithItsLine) {
  const auto list = parse_network_list("10.0.0.1/8\nnonsense\n\n10.0.0.0/33\n1.2.3.4 5.6.7.8\n");
  ASSERT_EQ(list.problems.size(), 4U);
  EXPECT_EQ(list.problems[0].line, 1);
  EXPECT_FALSE(list.problems[0].fatal);
  EXPECT_NE(list.problems[0].message.find("10.0.0.0/8"), std::string::npos);
  EXPECT_EQ(list.problems[1].line, 2);
  EXPECT_TRUE(list.problems[1].fatal);
  EXPECT_NE(list.problems[1].message.find("'nonsense'"), std::string::npos);
  EXPECT_EQ(list.problems[2].line, 4);
  EXPECT_EQ(list.problems[3].line, 5);
  ASSERT_EQ(list.networks.size(), 1U);
  EXPECT_EQ(list.networks[0], network("10.0.0.0/8"));
}

TEST(NetworkList, ABinaryFileMakesShortPrintableMessages) {
  const auto list = parse_network_list(std::string(100'000, '\xff'));
  ASSERT_EQ(list.problems.size(), 1U);
  EXPECT_LT(list.problems[0].message.size(), 120U);
  EXPECT_EQ(list.problems[0].message.find('\xff'), std::string::npos);
  EXPECT_TRUE(parse_network_list("").networks.empty());
}

}  // namespace
}  // namespace postern::acl
