// SIP in TCP, as captures show it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sbc/net/tcp_streams.hpp"
#include "tests/sbc_net/capture_bytes.hpp"

namespace postern::net {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string message(std::string_view name, std::string_view body = "") {
  return "OPTIONS sip:" + std::string(name) + " SIP/2.0\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class Streams : public ::testing::Test {
 protected:
  void take(std::uint32_t sequence, std::string_view octets, unsigned flags = Tcp::ack, unsigned port = 5062) {
    feed(tcp(sequence, octets, flags, port, 5060));
  }
  void answer(std::uint32_t sequence, std::string_view octets, unsigned flags = Tcp::ack) {
    feed(tcp(sequence, octets, flags, 5060, 5062), false);
  }

  void feed(const std::string& packet, bool forth = true) {
    const auto one = *acl::Address::parse("198.51.100.7"), other = *acl::Address::parse("192.0.2.1");
    const auto segment =
        read_tcp(forth ? one : other, forth ? other : one, {reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
    ASSERT_TRUE(segment);
    streams_.take(*segment, [this](std::string_view text) {
      texts_.emplace_back(text);
      connections_.push_back(streams_.connection());
    });
  }

  TcpStreams streams_;
  std::vector<std::string> texts_;
  std::vector<std::uint64_t> connections_;
};

TEST_F(Streams, MessagesAreFramedByContentLength) {
  const std::string all = message("a", "body") + "\r\n\r\n" + message("b") + "OPTIONS sip:c SIP/2.0\r\nl : 2\r\n\r\nxy";
  take(99, "", Tcp::syn);
  std::uint32_t sequence = 100;
  for (const char octet : all) take(sequence++, {&octet, 1});
  EXPECT_THAT(texts_, ElementsAre(message("a", "body"), "\r", "\n", "\r", "\n", message("b"), "OPTIONS sip:c SIP/2.0\r\nl : 2\r\n\r\nxy"));
}

TEST_F(Streams, OutOfOrderSentAgainAndOverlapping) {
  const std::string all = message("a", std::string(60, 'x')) + message("b");
  take(99, "", Tcp::syn);
  take(130, std::string_view(all).substr(30, 40));
  take(110, std::string_view(all).substr(10, 40));
  take(170, std::string_view(all).substr(70));
  EXPECT_THAT(texts_, IsEmpty());
  take(100, std::string_view(all).substr(0, 20));
  take(100, std::string_view(all).substr(0, 50));
  EXPECT_THAT(texts_, ElementsAre(message("a", std::string(60, 'x')), message("b")));
  EXPECT_EQ(streams_.broken(), 0U);
}

TEST_F(Streams, SequenceNumbersWrap) {
  const std::string all = message("a", std::string(60, 'x'));
  take(0xffffffe0U, "", Tcp::syn);
  take(0xffffffe1U, std::string_view(all).substr(0, 20));
  take(9, std::string_view(all).substr(40));
  take(0xfffffff5U, std::string_view(all).substr(20, 20));
  EXPECT_THAT(texts_, ElementsAre(all));
}

TEST_F(Streams, ACaptureThatBeginsInsideAMessageGoesOnWithTheNext) {
  take(500, "the end of a body that began before\r\n");
  take(537, message("a"));
  EXPECT_THAT(texts_, ElementsAre(message("a")));
}

TEST_F(Streams, ALostSegmentCostsOneMessage) {
  take(99, "", Tcp::syn);
  take(100, "OPTIONS sip:lost SIP/2.0\r\nContent-Len");
  std::uint32_t sequence = 500;
  for (int i = 0; i < 70; ++i) {
    const std::string next = message(std::to_string(i));
    take(sequence, next);
    sequence += static_cast<std::uint32_t>(next.size());
  }
  EXPECT_EQ(texts_.size(), 70U);
  EXPECT_EQ(texts_.front(), message("0"));
  EXPECT_EQ(streams_.broken(), 1U);
}

TEST_F(Streams, BothDirectionsAreOneConnectionAndANewOneIsAnother) {
  take(99, "", Tcp::syn);
  answer(199, "", Tcp::syn | Tcp::ack);
  take(100, message("a"));
  answer(200, message("b"));
  take(299, "", Tcp::syn);
  take(300, message("c"));
  take(100, message("d"), Tcp::ack, 6000);
  ASSERT_EQ(texts_.size(), 4U);
  EXPECT_EQ(connections_[0], connections_[1]);
  EXPECT_NE(connections_[1], connections_[2]);
  EXPECT_NE(connections_[2], connections_[3]);
}

TEST_F(Streams, AnEndInsideAMessageIsCounted) {
  take(99, "", Tcp::syn);
  take(100, "OPTIONS sip:a", Tcp::fin | Tcp::ack);
  take(99, "", Tcp::syn, 6000);
  take(100, "OPTIONS sip:a", Tcp::ack, 6000);
  take(113, "", Tcp::rst, 6000);
  EXPECT_EQ(streams_.broken(), 2U);
  take(200, message("a"), Tcp::ack, 6000);
  EXPECT_THAT(texts_, ElementsAre(message("a")));
}

TEST_F(Streams, WhatCannotBeFramedIsHandedOnOnce) {
  for (const std::string& broken :
       {std::string("OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999\r\n\r\n"),
        std::string("OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n"), "OPTIONS sip:a SIP/2.0\r\n" + std::string(20000, 'x')}) {
    texts_.clear();
    take(99, "", Tcp::syn);
    take(100, broken);
    const auto next = static_cast<std::uint32_t>(100 + broken.size());
    take(next, "more of it");
    take(next + 10, message("a"));
    EXPECT_THAT(texts_, ElementsAre(broken, message("a")));
  }
}

TEST_F(Streams, MemoryIsBounded) {
  const std::string half = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 60000\r\n\r\n" + std::string(1400, 'x');
  for (unsigned port = 1024; port < 1024 + 3 * TcpStreams::most_streams; ++port) take(100, half, Tcp::ack, port);
  EXPECT_GE(streams_.broken(), 2 * TcpStreams::most_streams);
  take(100, half, Tcp::ack, 50000);
  for (std::uint32_t i = 1; i < 200; ++i) take(100 + i * 5000, half, Tcp::ack, 50000);
  EXPECT_THAT(texts_, IsEmpty());
}

TEST_F(Streams, NumbersFarAwayAreAnotherConnections) {
  take(99, "", Tcp::syn);
  take(100, "OPTIONS sip:a");
  take(0x7fff0000U, message("b"));
  EXPECT_THAT(texts_, ElementsAre(message("b")));
  EXPECT_EQ(streams_.broken(), 1U);
}

}  // namespace
}  // namespace postern::net
