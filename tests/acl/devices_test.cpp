#include "acl/devices.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace postern::acl {
namespace {

std::vector<SharedNetworks> networks(const std::vector<std::string>& texts) {
  std::vector<SharedNetworks> lists;
  for (const std::string& text : texts)
    lists.push_back(std::make_shared<const std::vector<Network>>(1, Network::parse(text).value().network));
  return lists;
}

DeviceOptions device(const std::string& key, const std::vector<std::string>& permit, const std::vector<std::string>& deny = {},
                     const std::vector<std::string>& listeners = {}) {
  return {key, networks(permit), networks(deny), listeners, {}, {"p.yaml", 1}};
}

/// The entry that keeps out, or "-".
std::string refused(const Devices& devices, std::string_view user, std::string_view source, std::string_view listener = "public") {
  const Gate* gate = devices.refuses(user, Address::parse(source).value(), listener);
  return gate == nullptr ? "-" : gate->name;
}

Devices compiled(const PolicyOptions& options) { return std::get<Devices>(Devices::compile(options)); }

TEST(Devices, TheMostSpecificNetworkDecides) {
  struct Case {
    std::vector<std::string> permit, deny;
    std::string source;
    bool admitted;
  };
  const std::vector<Case> cases{
      {{"10.0.0.0/8"}, {}, "10.1.2.3", true},
      {{"10.0.0.0/8"}, {}, "11.1.2.3", false},
      {{"10.0.0.0/8"}, {}, "2001:db8::1", false},
      {{}, {"10.0.0.0/8"}, "10.1.2.3", false},
      {{}, {"10.0.0.0/8"}, "11.1.2.3", true},
      {{}, {"10.0.0.0/8"}, "2001:db8::1", true},
      {{"10.0.0.0/8"}, {"10.8.66.0/24"}, "10.8.66.1", false},
      {{"10.0.0.0/8"}, {"10.8.66.0/24"}, "10.8.67.1", true},
      {{"10.0.0.0/8"}, {"10.8.66.0/24"}, "192.0.2.1", false},
      {{"10.8.66.7"}, {"10.8.66.0/24"}, "10.8.66.7", true},
      {{"10.8.66.7"}, {"10.8.66.0/24"}, "10.8.66.8", false},
      {{"10.0.0.0/8"}, {"10.0.0.0/8"}, "10.1.2.3", false},
      {{"10.0.0.0/8", "10.8.66.7"}, {"10.0.0.0/8"}, "10.8.66.7", true},
      {{"10.0.0.0/8"}, {"0.0.0.0/0"}, "10.1.2.3", true},
      {{"10.0.0.0/8"}, {"0.0.0.0/0"}, "192.0.2.1", false},
      {{"0.0.0.0/0"}, {"10.0.0.0/8"}, "10.1.2.3", false},
      {{"0.0.0.0/0"}, {"10.0.0.0/8"}, "192.0.2.1", true},
      {{"2001:db8::/32"}, {"2001:db8:66::/48"}, "2001:db8:66::1", false},
      {{"2001:db8::/32"}, {"2001:db8:66::/48"}, "2001:db8:67::1", true},
      {{"2001:db8::/32", "192.0.2.0/24"}, {}, "192.0.2.9", true},
      {{"192.0.2.0/24"}, {}, "::ffff:192.0.2.9", true},
      {{}, {}, "192.0.2.9", true},
  };
  for (const Case& each : cases) {
    PolicyOptions options;
    options.devices = {device("1001", each.permit, each.deny)};
    EXPECT_EQ(refused(compiled(options), "1001", each.source) == "-", each.admitted)
        << each.source << " permit " << (each.permit.empty() ? "none" : each.permit.front()) << " deny "
        << (each.deny.empty() ? "none" : each.deny.front());
  }
}

/// Each entry admits another network, so that who is refused from where tells which one decides.
TEST(Devices, ANameGoesBeforeGroupsAndPatternsAndThoseInOrder) {
  PolicyOptions options;
  options.device_groups = {{"sales", {"T2_*", "kx83hd", "2001", "2002"}}, {"late", {"kx83hd", "2003"}}};
  options.devices = {device("20*", {"10.0.0.0/24"}),   device("sales", {"10.0.1.0/24"}), device("late", {"10.0.2.0/24"}),
                     device("T?_1*", {"10.0.3.0/24"}), device("2001", {"10.0.4.0/24"}),  device("*", {"10.0.5.0/24"})};
  const Devices devices = compiled(options);
  const std::vector<std::pair<std::string, int>> expected{
      {"2001", 4},                   // its own entry, though it stands behind others
      {"2002", 0},                   // the pattern before the group
      {"2003", 0},                   // the same
      {"kx83hd", 1},                 // of two groups the first
      {"T2_101", 1},                 // a group's pattern
      {"T3_101", 3},                 // the later pattern
      {"T3_201", 5},                 // what is left
      {"sales", 5},                  // a group's name is no user
      {"", 5},                       // nobody in particular
      {"20", 0},     {"kx83HD", 5},  // with case
  };
  for (const auto& [user, entry] : expected) {
    for (int network = 0; network < 6; ++network) {
      const std::string found = refused(devices, user, "10.0." + std::to_string(network) + ".9");
      const std::string name = "devices." + options.devices[static_cast<std::size_t>(entry)].key;
      EXPECT_EQ(found, network == entry ? "-" : name) << user << " from network " << network;
    }
  }
}

TEST(Devices, WhoHasNoEntryPasses) {
  PolicyOptions options;
  options.devices = {device("1001", {"10.0.0.0/8"})};
  EXPECT_EQ(refused(compiled(options), "1002", "192.0.2.1"), "-");
  EXPECT_EQ(refused(compiled(options), "10011", "192.0.2.1"), "-");
  EXPECT_EQ(refused(compiled(options), "", "192.0.2.1"), "-");
  EXPECT_EQ(refused(Devices(), "1001", "192.0.2.1"), "-");
  EXPECT_TRUE(Devices().empty());
}

TEST(Devices, ListenersAreAGateOfTheirOwn) {
  PolicyOptions options;
  options.devices = {device("1001", {"10.0.0.0/8"}, {}, {"tls", "office"}), device("1002", {}, {}, {"tls"})};
  const Devices devices = compiled(options);
  EXPECT_EQ(refused(devices, "1001", "10.0.0.1", "tls"), "-");
  EXPECT_EQ(refused(devices, "1001", "10.0.0.1", "office"), "-");
  EXPECT_EQ(refused(devices, "1001", "10.0.0.1", "public"), "devices.1001");
  EXPECT_EQ(refused(devices, "1001", "192.0.2.1", "tls"), "devices.1001");
  EXPECT_EQ(refused(devices, "1002", "192.0.2.1", "tls"), "-");
  EXPECT_EQ(refused(devices, "1002", "192.0.2.1", "tl"), "devices.1002");
}

TEST(Devices, APermitOfNoNetworkPermitsNobody) {
  PolicyOptions options;
  options.devices = {device("1001", {})};
  options.devices[0].permit = {std::make_shared<const std::vector<Network>>()};
  EXPECT_EQ(refused(compiled(options), "1001", "192.0.2.1"), "devices.1001");
}

TEST(Devices, AnExtensionIsItsOwnEntrys) {
  PolicyOptions options;
  options.devices = {device("kx83hd", {}), device("1002", {})};
  options.devices[0].extension = "101";
  const Devices devices = compiled(options);
  EXPECT_EQ(devices.extension_of("kx83hd"), "101");
  EXPECT_EQ(devices.extension_of("1002"), "1002");
  EXPECT_EQ(devices.extension_of("1003"), "1003");
}

TEST(Devices, TellsOfAPatternThatIsTooLong) {
  PolicyOptions options;
  options.devices = {device(std::string(64, '?'), {})};
  EXPECT_TRUE(std::holds_alternative<std::string>(Devices::compile(options)));
}

/// As many look-ups of 2,000 devices, and of one: names cost one look-up each.
TEST(Devices, TwoThousandCostWhatOneDoes) {
  const auto cost = [](int count) {
    PolicyOptions options;
    for (int i = 0; i < count; ++i) options.devices.push_back(device("user" + std::to_string(i), {"10.0.0.0/8"}));
    const Devices devices = compiled(options);
    const std::string user = "user" + std::to_string(count - 1);
    const Address source = Address::parse("10.1.2.3").value();
    auto best = std::chrono::nanoseconds::max();
    for (int round = 0; round < 20; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < 1000; ++i) EXPECT_EQ(devices.refuses(user, source, "public"), nullptr);
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - begin);
    }
    return best;
  };
  EXPECT_LT(cost(2000), cost(1) * 10) << "a look at each would cost hundreds of times as much";
}

}  // namespace
}  // namespace postern::acl
