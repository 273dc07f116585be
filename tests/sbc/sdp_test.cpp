#include "sbc/sdp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace postern::sbc {
namespace {

acl::Address address(std::string_view text) { return *acl::Address::parse(text); }

EngineOptions options_with(std::string_view media, std::string_view pbx = "10.0.0.5", std::string_view bind = "10.0.0.2") {
  EngineOptions options;
  ListenerOptions listener;
  listener.name = "one";
  listener.bind = {address("198.51.100.1"), 5060};
  options.listeners.push_back(listener);
  options.pbx.addresses = {{address(pbx), 15060}};
  options.pbx.bind = Endpoint{address(bind), 5080};
  options.pbx.domain = "pbx.lan";
  options.pbx.media_address = address(media);
  return options;
}

class SdpTest : public ::testing::Test {
 protected:
  std::string with(std::string_view sdp, std::string_view media = "203.0.113.10") { return with(sdp, options_with(media)); }
  std::string with(std::string_view sdp, const EngineOptions& options) {
    Names names(options, mac_);
    Veil veil(names, tokens_);
    std::string out;
    append_with_media_address(out, sdp, names, veil, flow_);
    return out;
  }

  std::array<std::uint8_t, 16> key_{1, 2, 3};
  Mac mac_{key_};
  std::array<TokenKey, 1> keys_{};
  Tokens tokens_{keys_, 16};
  Flow flow_{Side::access, Transport::udp, 0, address("198.51.100.1"), {address("203.0.113.7"), 5062}, 0};
};

TEST_F(SdpTest, NamesOfThePbxBecomeTheMediaAddressAndPortsStay) {
  EXPECT_EQ(with("v=0\r\no=- 1 2 IN IP4 10.0.0.5\r\ns=Asterisk\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8\r\n"
                 "a=rtcp:10001 IN IP4 10.0.0.5\r\na=rtcp:10001\r\n"),
            "v=0\r\no=- 1 2 IN IP4 203.0.113.10\r\ns=Asterisk\r\nc=IN IP4 203.0.113.10\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8\r\n"
            "a=rtcp:10001 IN IP4 203.0.113.10\r\na=rtcp:10001\r\n");
  EXPECT_EQ(with("c=IN IP4 10.0.0.2"), "c=IN IP4 203.0.113.10") << "our own core address: the PBX on the same machine";
  EXPECT_EQ(with("c=IN IP4 PBX.lan\n"), "c=IN IP4 203.0.113.10\n");
}

TEST_F(SdpTest, CandidatesAndWhatTheyAreRelatedTo) {
  EXPECT_EQ(with("a=candidate:Ha000005 1 UDP 2130706431 10.0.0.5 10000 typ host\r\n"
                 "a=candidate:Sa000005 1 UDP 1694498815 198.51.100.77 40000 typ srflx raddr 10.0.0.5 rport 10000 generation 0\r\n"
                 "a=candidate:1 1 UDP 7 192.168.7.7 10000 typ host tcptype raddr raddr 192.168.7.7\r\n"),
            "a=candidate:Ha000005 1 UDP 2130706431 203.0.113.10 10000 typ host\r\n"
            "a=candidate:Sa000005 1 UDP 1694498815 198.51.100.77 40000 typ srflx raddr 203.0.113.10 rport 10000 generation 0\r\n"
            "a=candidate:1 1 UDP 7 192.168.7.7 10000 typ host tcptype raddr raddr 192.168.7.7\r\n");
}

TEST_F(SdpTest, TheFamilyFollowsTheAddress) {
  EXPECT_EQ(with("o=- 1 2 IN IP4 10.0.0.5\r\nc=IN IP4 10.0.0.5\r\na=rtcp:7 IN IP4 10.0.0.5\r\n", "2001:db8::10"),
            "o=- 1 2 IN IP6 2001:db8::10\r\nc=IN IP6 2001:db8::10\r\na=rtcp:7 IN IP6 2001:db8::10\r\n");
  EXPECT_EQ(with("c=IN IP6 FD77:0::5\r\n", options_with("203.0.113.10", "fd77::5", "fd77::2")), "c=IN IP4 203.0.113.10\r\n")
      << "whatever the spelling";
}

TEST_F(SdpTest, TextsDoNotNameThePbxEither) {
  EXPECT_EQ(with("s=call by 10.0.0.5\r\nu=http://10.0.0.5:15060/x\r\ne=root@pbx.lan\r\na=tool:x 10.0.0.2\r\n"
                 "m=audio 15060 RTP/AVP 8\r\na=ssrc:1289195159 cname:sip:1002@10.0.0.5\r\na=rtcp:15060\r\na=sctp-port:15060\r\n"),
            "s=call by 198.51.100.1\r\nu=http://198.51.100.1:5060/x\r\ne=root@198.51.100.1\r\na=tool:x 198.51.100.1\r\n"
            "m=audio 15060 RTP/AVP 8\r\na=ssrc:1289195159 cname:sip:1002@198.51.100.1\r\na=rtcp:15060\r\na=sctp-port:15060\r\n");
}

TEST_F(SdpTest, EverythingElseStays) {
  for (const std::string_view sdp : {
           "c=IN IP4 192.168.1.20\r\n",
           "c=IN IP4 10.0.0.50\r\n",
           "c=IN IP4 10.0.0.5/127\r\n",
           "c=IN IP4 0.0.0.0\r\n",
           "c=IN IP4\r\n",
           "c=IN IP4 10.0.0.5 10.0.0.5\r\n",
           "c=IN XX 10.0.0.5\r\n",
           "o=10.0.0.5 1 2 IN IP4 192.0.2.1\r\n",
           "o=- 1 IN IP4 10.0.0.5\r\n",
           "a=rtcp:10.0.0.5\r\n",
           "a=rtcp-mux IN IP4 10.0.0.5\r\n",
           "a=candidate:1 1 UDP 10.0.0.5 10000 typ host\r\n",
           "a=candidate:10.0.0.5 1 UDP 1 192.0.2.1 9 typ host\r\n",
           "m=audio 10000 RTP/AVP 10.0.0.5\r\n",
           " c=IN IP4 10.0.0.5\r\n",
           "\r\n\r\n",
           "\n",
           "",
           "c=",
           "a=candidate:",
           "C=IN IP4 10.0.0.5\n",
       })
    EXPECT_EQ(with(sdp), sdp);
  const std::string many = "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host" + std::string(4000, ' ') + std::string(200, 'x');
  EXPECT_EQ(with(many), many);
}

constexpr std::string_view head = "v=0\r\no=- 1 2 IN IP4 10.0.0.5\r\ns=-\r\n";

std::string found(const std::string& lines) {
  const auto inside = audio_inside(std::string(head) + lines);
  return inside ? inside->to_string() : "";
}

TEST(AudioInside, OfTheSessionOrOfTheStream) {
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8\r\n"), "10.0.0.5");
  EXPECT_EQ(found("c=IN IP4 192.0.2.1\r\nm=video 9 RTP/AVP 99\r\nc=IN IP4 10.0.0.6\r\nm=audio 10000 RTP/AVP 8\r\nc=IN IP4 10.0.0.5\n"),
            "10.0.0.5");
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nm=audio 10000 RTP/AVP 8\r\nc=IN IP4 192.0.2.1\r\nm=audio 10002 RTP/AVP 8\r\n"), "10.0.0.5");
  EXPECT_EQ(found("c=IN IP6 fd77::5\r\nm=audio 10000 RTP/AVP 8\r\n"), "fd77::5");
  EXPECT_EQ(found("c=IN IP4 100.64.0.5\r\nm=audio 10000 RTP/AVP 8\r\n"), "100.64.0.5");
}

TEST(AudioInside, NotWhereAudioHasAWay) {
  EXPECT_EQ(found("c=IN IP4 192.0.2.1\r\nm=audio 10000 RTP/AVP 8\r\n"), "");
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nm=audio 10000 RTP/AVP 8\r\nc=IN IP4 192.0.2.1\r\n"), "");
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nm=audio 0 RTP/AVP 8\r\n"), "") << "a stream that was refused";
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nm=video 10000 RTP/AVP 99\r\n"), "");
  EXPECT_EQ(found("c=IN IP4 0.0.0.0\r\nm=audio 10000 RTP/AVP 8\r\n"), "") << "on hold";
  EXPECT_EQ(found("c=IN IP4 pbx.example.com\r\nm=audio 10000 RTP/AVP 8\r\n"), "");
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\n"), "");
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nm=audio 10000 RTP/AVP 8\r\na=candidate:1 1 UDP 1 10.0.0.5 10000 typ host\r\n"
                  "a=candidate:2 1 UDP 1 192.0.2.1 10000 typ srflx raddr 10.0.0.5 rport 10000\r\n"),
            "");
  EXPECT_EQ(found("c=IN IP4 10.0.0.5\r\nm=audio 10000 RTP/AVP 8\r\na=candidate:1 1 UDP 1 10.0.0.5 10000 typ host\r\n"
                  "a=candidate:2 1 UDP 1 3f1c.local 10000 typ host\r\n"),
            "10.0.0.5");
}

TEST(Inside, EndsAtTheEdgesOfItsNetworks) {
  for (const char* text : {"10.0.0.1", "172.31.255.255", "192.168.0.1", "127.0.0.1", "169.254.1.1", "100.64.0.0", "100.127.255.255",
                           "fd00::1", "fe80::1", "::1"})
    EXPECT_TRUE(is_inside(address(text))) << text;
  for (const char* text : {"100.63.255.255", "100.128.0.0", "172.32.0.0", "203.0.113.7", "2001:db8::1", "0.0.0.0", "::"})
    EXPECT_FALSE(is_inside(address(text))) << text;
}

}  // namespace
}  // namespace postern::sbc
