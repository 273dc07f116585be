#include "sip/local_request.hpp"

#include <gtest/gtest.h>

namespace postern::sip {
namespace {

constexpr std::string_view sent_invite =
    "INVITE sip:bob@198.51.100.7:5062;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKtheirs\r\n"
    "v: SIP/2.0/UDP 10.0.0.10;branch=z9hG4bKfirst\r\n"
    "Route: <sip:192.0.2.99;lr>\r\n"
    "Max-Forwards: 68\r\n"
    "f: \"Alice, the\r\n  first\" <sip:alice@example.com>;tag=a1\r\n"
    "To: <sip:bob@example.com>\r\n"
    "i: call-1@example.com\r\n"
    "route:  <sip:192.0.2.98;lr>,<sip:192.0.2.97;lr>\r\n"
    "CSeq: 2147483647 INVITE\r\n"
    "Require: 100rel\r\n"
    "Contact: <sip:alice~token@192.0.2.1>\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "v=0\n";

constexpr std::string_view busy =
    "SIP/2.0 486 Busy Here\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;received=192.0.2.1\r\n"
    "From: <sip:alice@example.com>;tag=a1\r\n"
    "t: <sip:bob@example.com>;tag=b2\r\n"
    "Call-ID: call-1@example.com\r\n"
    "CSeq: 2147483647 INVITE\r\n"
    "Content-Length: 0\r\n"
    "\r\n";

TEST(WriteAck, TakesToFromTheResponseAndAllElseFromTheInvite) {
  RawMessage invite, response;
  ASSERT_EQ(prescreen(sent_invite, invite).result, PrescreenResult::message);
  ASSERT_EQ(prescreen(busy, response).result, PrescreenResult::message);
  std::string ack;
  write_ack(invite, response, ack);
  EXPECT_EQ(ack,
            "ACK sip:bob@198.51.100.7:5062;transport=udp SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport\r\n"
            "f: \"Alice, the\r\n  first\" <sip:alice@example.com>;tag=a1\r\n"
            "t: <sip:bob@example.com>;tag=b2\r\n"
            "i: call-1@example.com\r\n"
            "CSeq: 2147483647 ACK\r\n"
            "Route: <sip:192.0.2.99;lr>\r\n"
            "route:  <sip:192.0.2.98;lr>,<sip:192.0.2.97;lr>\r\n"
            "Max-Forwards: 70\r\n"
            "Content-Length: 0\r\n"
            "\r\n");
  RawMessage again;
  EXPECT_EQ(prescreen(ack, again).result, PrescreenResult::message);
}

TEST(WriteAck, NeedsOnlyTheHeaderSectionOfTheInvite) {
  RawMessage whole, cut, response;
  prescreen(sent_invite, whole);
  prescreen(sent_invite.substr(0, whole.body_begin), cut);
  prescreen(busy, response);
  std::string from_whole, from_cut;
  write_ack(whole, response, from_whole);
  write_ack(cut, response, from_cut);
  EXPECT_EQ(from_whole, from_cut);
}

TEST(WriteCancel, IsTheInviteWithoutWhatBelongsToTheSession) {
  RawMessage invite;
  prescreen(sent_invite, invite);
  std::string cancel;
  write_cancel(invite, "Reason: SIP;cause=200\r\n", cancel);
  EXPECT_EQ(cancel,
            "CANCEL sip:bob@198.51.100.7:5062;transport=udp SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport\r\n"
            "f: \"Alice, the\r\n  first\" <sip:alice@example.com>;tag=a1\r\n"
            "To: <sip:bob@example.com>\r\n"
            "i: call-1@example.com\r\n"
            "CSeq: 2147483647 CANCEL\r\n"
            "Route: <sip:192.0.2.99;lr>\r\n"
            "route:  <sip:192.0.2.98;lr>,<sip:192.0.2.97;lr>\r\n"
            "Reason: SIP;cause=200\r\n"
            "Max-Forwards: 70\r\n"
            "Content-Length: 0\r\n"
            "\r\n");
}

std::string reasons_of(std::string_view lines) {
  std::string text =
      "CANCEL sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
      "Call-ID: 1\r\nCSeq: 1 CANCEL\r\n";
  text.append(lines).append("\r\n");
  RawMessage cancel;
  EXPECT_EQ(prescreen(text, cancel).result, PrescreenResult::message);
  std::string out;
  append_reasons(cancel, out);
  return out;
}

TEST(AppendReasons, PassesProtocolAndCauseOnButNoFreeText) {
  EXPECT_EQ(reasons_of(""), "");
  EXPECT_EQ(reasons_of("Reason: SIP ;cause=200 ;text=\"Call completed elsewhere\"\r\n"),
            "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
  EXPECT_EQ(reasons_of("Reason: Q.850;cause=16;text=\"by 10.0.0.1, really\", SIP;cause=487\r\n"),
            "Reason: Q.850;cause=16\r\nReason: SIP;cause=487\r\n");
}

TEST(AppendReasons, LeavesOutWhatIsNoReason) {
  EXPECT_EQ(reasons_of("Reason: SIP\r\n"), "");
  EXPECT_EQ(reasons_of("Reason: ;cause=1\r\n"), "");
  EXPECT_EQ(reasons_of("Reason: SIP;cause=\r\n"), "");
  EXPECT_EQ(reasons_of("Reason: SIP;cause=12345\r\n"), "");
  EXPECT_EQ(reasons_of("Reason: S P;cause=200\r\n"), "");
  EXPECT_EQ(reasons_of("Reason: SIP;cause=2x0\r\n"), "");
}

TEST(AppendReasons, StopsAtFour) {
  const std::string many = "Reason: a;cause=1,b;cause=2,c;cause=3\r\nReason: d;cause=4,e;cause=5\r\nReason: f;cause=6\r\n";
  EXPECT_EQ(reasons_of(many), "Reason: a;cause=1\r\nReason: b;cause=2\r\nReason: c;cause=3\r\nReason: d;cause=4\r\n");
}

}  // namespace
}  // namespace postern::sip
