#include "sbc/flow.hpp"

#include <gtest/gtest.h>

namespace postern::sbc {
namespace {

TEST(Flow, HostsStandInUrisWithBracketsIfTheyNeedThem) {
  EXPECT_EQ(uri_host(acl::Address::v4(0xc0000201)), "192.0.2.1");
  EXPECT_EQ(uri_host(acl::Address::parse("2001:db8::1").value_or(acl::Address())), "[2001:db8::1]");
  EXPECT_EQ(uri_host(acl::Address::parse("::ffff:192.0.2.1").value_or(acl::Address())), "192.0.2.1");
}

TEST(Flow, EndpointsHaveAPort) {
  EXPECT_EQ((Endpoint{acl::Address::v4(0xc0000201), 5060}.to_string()), "192.0.2.1:5060");
  EXPECT_EQ((Endpoint{acl::Address::parse("2001:db8::1").value_or(acl::Address()), 65535}.to_string()), "[2001:db8::1]:65535");
}

TEST(Flow, TransportsAndSidesHaveNames) {
  EXPECT_STREQ(to_string(Transport::udp), "udp");
  EXPECT_STREQ(to_string(Transport::tcp), "tcp");
  EXPECT_STREQ(to_string(Transport::tls), "tls");
  EXPECT_STREQ(to_string(Transport::ws), "ws");
  EXPECT_STREQ(to_string(Transport::wss), "wss");
  EXPECT_STREQ(to_string(Side::access), "access");
  EXPECT_STREQ(to_string(Side::core), "core");
}

}  // namespace
}  // namespace postern::sbc
