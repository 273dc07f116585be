#include "sip/plain.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/sip/corpus.hpp"

namespace postern::sip::plain {
namespace {

using testing::invite;
using testing::with;

bool is_plain(const std::string& bytes) {
  RawMessage message;
  EXPECT_EQ(prescreen(bytes, message).result, PrescreenResult::message) << bytes;
  return is_good(message);
}

// What most phones and PBXs send is what the readers are there for.
TEST(Plain, OrdinaryMessagesAre) {
  const std::string phone = with(invite, "\"Alice, desk\"", "\"Alice\"");
  EXPECT_TRUE(is_plain(phone));
  EXPECT_TRUE(is_plain(with(phone, "\"Alice\"", "Alice")));
  EXPECT_TRUE(is_plain(with(phone, "<sip:1001@192.0.2.10:5062>", "<sip:1001@192.0.2.10:5062;ob>;reg-id=1;expires=60")));
  EXPECT_TRUE(is_plain(with(phone, "192.0.2.10:5062;branch", "[2001:db8::1]:5062;branch")));
  EXPECT_TRUE(is_plain(
      "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.1;rport=5060;branch=z9hG4bK-2\r\nFrom: <sip:1001@pbx>;tag=a1\r\n"
      "To: <sip:1002@pbx>;tag=b1\r\nCall-ID: call-1\r\nCSeq: 7 INVITE\r\nContact: <sip:pbx@192.0.2.1:5060>\r\nContent-Length: 0\r\n\r\n"));
}

// What the readers for everything refuse is not let in as plain either.
TEST(Plain, WhatIsNoHostOrHidesANameIsMalformed) {
  for (const auto& [part, other] :
       {std::pair{"INVITE sip:1002@sbc.example.com", "INVITE sip:1002@[1];maddr=127.9.9.9"},
        std::pair{"<sip:1001@sbc.example.com>", "<sip:1001@[1]>"}, std::pair{"<sip:1002@sbc.example.com>", "<sip:1002@[a]>"},
        std::pair{"UDP 192.0.2.10:5062", "UDP [1]:5062"}, std::pair{"tag=a1", "%74ag=a2;tag=a1"}, std::pair{";rport", ";%72port"}}) {
    RawMessage message;
    EXPECT_EQ(prescreen(with(invite, part, other), message).result, PrescreenResult::malformed) << other;
  }
}

// Whatever could be read in two ways is for sofia-sip to judge.
TEST(Plain, WhatHasTwoReadingsIsNot) {
  const std::string phone = with(invite, "\"Alice, desk\"", "Alice");
  ASSERT_TRUE(is_plain(phone));
  for (const auto& [part, other] :
       {std::pair{"Alice <", "\"Al\\\"ice\" <"}, std::pair{"sip:1001@sbc", "sip:1001:secret@sbc"},
        std::pair{"sip:1001@sbc", "sip:10%3001@sbc"}, std::pair{"tag=a1", "tag=\"a1\""}, std::pair{"tag=a1", "tag=a1;tag=a1"},
        std::pair{"branch=z9hG4bK-1", "branch=z9hG4bK-1;branch=z9hG4bK-1"}, std::pair{"SIP/2.0/UDP 192", "SIP / 2.0 / UDP 192"},
        std::pair{"z9hG4bK-1;rport", "z9hG4bK-1;rport, SIP/2.0/UDP 192.0.2.9"},
        std::pair{"<sip:1001@192.0.2.10:5062>", "sip:1001@192.0.2.10:5062"},
        std::pair{"<sip:1001@192.0.2.10:5062>", "<sip:1001@192.0.2.10:5062>, <sip:1001@192.0.2.11>"},
        std::pair{"User-Agent: ", "User-Agent:\r\n "}}) {
    EXPECT_FALSE(is_plain(with(phone, part, other))) << other;
  }
}

TEST(Plain, AddressHasUserHostAndTag) {
  Address address;
  ASSERT_TRUE(read_address("\"A\" <sip:1001@[2001:db8::1]:5070;transport=tcp>;x;tag=t", address));
  EXPECT_EQ(address.user, "1001");
  EXPECT_EQ(address.host.host, "[2001:db8::1]");
  EXPECT_EQ(address.host.port, 5070);
  EXPECT_EQ(address.host.whole, "[2001:db8::1]:5070");
  EXPECT_EQ(address.tag, "t");
}

}  // namespace
}  // namespace postern::sip::plain
