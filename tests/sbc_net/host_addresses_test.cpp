#include "sbc/net/host_addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace postern::net {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

acl::Address address(const char* text) { return *acl::Address::parse(text); }

TEST(HostAddresses, HoldTheLoopback) { EXPECT_THAT(own_and_gateway_addresses(), Contains(address("127.0.0.1"))); }

TEST(HostAddresses, TheGatewayOfTheDefaultRoute) {
  std::istringstream table(
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
      "eth1\t0000000A\t0101000A\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n");
  EXPECT_THAT(default_gateways_v4(table), ElementsAre(address("172.17.0.1")));
}

TEST(HostAddresses, TheGatewayOfTheIpv6DefaultRoute) {
  std::istringstream table(
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 "
      "00000003     eth0\n"
      "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 "
      "00000001     eth0\n");
  EXPECT_THAT(default_gateways_v6(table), ElementsAre(address("2001:db8::1")));
}

TEST(HostAddresses, WhatCannotBeReadIsLeftOut) {
  std::istringstream rubbish("Iface\neth0 00000000 zz 0003 0 0 0 00000000\neth0\n\n"), other("00 00 00 00 zz\n"), nothing;
  EXPECT_THAT(default_gateways_v4(rubbish), IsEmpty());
  EXPECT_THAT(default_gateways_v6(other), IsEmpty());
  EXPECT_THAT(default_gateways_v4(nothing), IsEmpty());
}

}  // namespace
}  // namespace postern::net
