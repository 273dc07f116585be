#include "acl/address.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace postern::acl {
namespace {

TEST(Address, ParsesWhatItPrints) {
  for (const char* text :
       {"0.0.0.0", "127.0.0.1", "255.255.255.255", "203.0.113.7", "::", "::1", "2001:db8::1", "fe80::1:2:3:4", "1:2:3:4:5:6:7:8"}) {
    EXPECT_EQ(address(text).to_string(), text);
  }
}

TEST(Address, RefusesWhatIsNotExactlyAnAddress) {
  for (const char* text : {"",
                           " ",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.04",
                           "0x1.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.4/32",
                           "[::1]",
                           "::1%eth0",
                           "fe80::1%1",
                           ":::",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1.2.3.4:5060",
                           "localhost",
                           "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
  EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(Address, MappedFormIsTheIpv4Address) {
  EXPECT_EQ(address("::ffff:203.0.113.7"), address("203.0.113.7"));
  EXPECT_EQ(address("::ffff:cb00:7107").to_string(), "203.0.113.7");
  EXPECT_TRUE(address("::ffff:1.2.3.4").is_v4());
  EXPECT_FALSE(address("::1.2.3.4").is_v4());  // the deprecated compatible form is an IPv6 address
  EXPECT_EQ(Address::v4(0x7f000001), address("127.0.0.1"));
  EXPECT_EQ(address("1.2.3.4").v4_value(), 0x01020304U);
  EXPECT_EQ(Address::v6(address("1.2.3.4").bytes()), address("1.2.3.4"));
}

TEST(Address, KnowsTheUnspecified) {
  EXPECT_TRUE(Address().is_unspecified());
  EXPECT_TRUE(address("0.0.0.0").is_unspecified());
  EXPECT_FALSE(address("::1").is_unspecified());
  EXPECT_FALSE(address("0.0.0.1").is_unspecified());
}

TEST(Address, PrivateIsRfc1918LoopbackLinkLocalAndUla) {
  for (const char* text : {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255", "127.0.0.1",
                           "169.254.1.1", "::1", "fe80::1", "febf::1", "fc00::1", "fdff::1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(address(text).is_private()) << text;
  }
  for (const char* text : {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "126.255.255.255",
                           "128.0.0.0", "169.253.0.0", "100.64.0.1", "::", "::2", "fec0::1", "fe00::1", "fbff::1", "2001:db8::1"}) {
    EXPECT_FALSE(address(text).is_private()) << text;
  }
}

TEST(Network, ParsesAndMasks) {
  const auto plain = Network::parse("203.0.113.0/24");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->host_bits_set);
  EXPECT_EQ(plain->network.to_string(), "203.0.113.0/24");
  const auto masked = Network::parse("2001:db8:1:2:3::9/47");
  ASSERT_TRUE(masked);
  EXPECT_TRUE(masked->host_bits_set);
  EXPECT_EQ(masked->network.to_string(), "2001:db8::/47");
  EXPECT_EQ(network("1.2.3.4").to_string(), "1.2.3.4/32");
  EXPECT_EQ(network("::1").to_string(), "::1/128");
  EXPECT_EQ(network("::ffff:10.0.0.0/104").to_string(), "10.0.0.0/8");
  EXPECT_EQ(network("::ffff:0:0/96").to_string(), "0.0.0.0/0");
}

TEST(Network, RefusesWhatIsNotExactlyOne) {
  for (const char* text : {"", "/", "/8", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/+8", "1.2.3.4/08", "1.2.3.4/8 ", "1.2.3.4/8/8",
                           "::/129", "::/999", "::/1000", "10/8", "1.2.3.4/255.0.0.0", "::ffff:1.2.3.4/95", "::ffff:1.2.3.4/64"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(Network, HoldsItsOwnFamilyOnly) {
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("10.255.255.255")));
  EXPECT_FALSE(network("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("::ffff:10.0.0.1")));
  EXPECT_TRUE(network("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(network("2001:db8::/33").contains(address("2001:db8:8000::1")));
  EXPECT_TRUE(network("0.0.0.0/0").contains(address("255.1.2.3")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("2001:db8::1")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("::")));
  EXPECT_TRUE(network("::/0").contains(address("2001:db8::1")));
  EXPECT_FALSE(network("::/0").contains(address("1.2.3.4")));
}

TEST(Network, HoldsSmallerNetworks) {
  EXPECT_TRUE(network("10.0.0.0/8").contains(network("10.1.0.0/16")));
  EXPECT_TRUE(network("10.0.0.0/8").contains(network("10.0.0.0/8")));
  EXPECT_FALSE(network("10.1.0.0/16").contains(network("10.0.0.0/8")));
  EXPECT_FALSE(network("10.0.0.0/8").contains(network("11.0.0.0/16")));
  EXPECT_FALSE(network("::/0").contains(network("10.0.0.0/8")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(network("::/64")));
}

TEST(Network, ClampsThePrefixToTheFamily) {
  EXPECT_EQ(Network(address("1.2.3.4"), 99).to_string(), "1.2.3.4/32");
  EXPECT_EQ(Network(address("::1"), 999).to_string(), "::1/128");
}

TEST(SourceKey, IsTheIpv4AddressOrTheIpv6Slash64) {
  EXPECT_EQ(SourceKey(address("1.2.3.4")), SourceKey(address("::ffff:1.2.3.4")));
  EXPECT_NE(SourceKey(address("1.2.3.4")), SourceKey(address("1.2.3.5")));
  EXPECT_EQ(SourceKey(address("2001:db8:1:2::1")), SourceKey(address("2001:db8:1:2:ffff::1")));
  EXPECT_NE(SourceKey(address("2001:db8:1:2::1")), SourceKey(address("2001:db8:1:3::1")));
}

// All IPv6 addresses whose upper half could spell an IPv4 key are multicast: the obvious mappings (::/96, ::ffff:0:0/96) would collide.
TEST(SourceKey, NeverMixesTheFamilies) {
  EXPECT_NE(SourceKey(address("0.0.0.0")), SourceKey(address("::")));
  EXPECT_NE(SourceKey(address("0.0.0.1")), SourceKey(address("0:0:0:1::")));
  EXPECT_NE(SourceKey(address("1.2.3.4")), SourceKey(address("0:ffff:102:304::")));
  EXPECT_EQ(SourceKey(address("1.2.3.4")).value() >> 56, 0xffU);
}

}  // namespace
}  // namespace postern::acl
