#include "sbc/net/hep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sbc/net/udp_socket.hpp"

namespace postern::net {
namespace {

using sbc::Endpoint;
using sbc::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;

Endpoint at(const char* address, std::uint16_t port = 0) { return {*acl::Address::parse(address), port}; }

std::string bytes(const std::vector<int>& values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

HepPacket invite() {
  HepPacket packet;
  packet.source = at("212.202.0.1", 12010);
  packet.destination = at("82.116.0.211", 5060);
  packet.time = std::chrono::seconds(1313440459) + std::chrono::microseconds(120000);
  packet.message = "INVITE sip:bob";
  return packet;
}

std::string head_of(const HepPacket& packet) {
  std::string head;
  put_hep_head(head, packet);
  return head;
}

/// The packet that the specification shows as an example, with our agent's number and name.
TEST(HepHead, IsAsSpecified) {
  const std::string expected = bytes({0x48, 0x45, 0x50, 0x33, 0x00, 0x7e}) +                 // HEP3, 126 octets
                               bytes({0, 0, 0, 0x01, 0x00, 0x07, 0x02}) +                    // IPv4
                               bytes({0, 0, 0, 0x02, 0x00, 0x07, 0x11}) +                    // UDP
                               bytes({0, 0, 0, 0x03, 0x00, 0x0a, 0xd4, 0xca, 0x00, 0x01}) +  // from 212.202.0.1
                               bytes({0, 0, 0, 0x04, 0x00, 0x0a, 0x52, 0x74, 0x00, 0xd3}) +  // to 82.116.0.211
                               bytes({0, 0, 0, 0x07, 0x00, 0x08, 0x2e, 0xea}) +              // from port 12010
                               bytes({0, 0, 0, 0x08, 0x00, 0x08, 0x13, 0xc4}) +              // to port 5060
                               bytes({0, 0, 0, 0x09, 0x00, 0x0a, 0x4e, 0x49, 0x82, 0xcb}) +  // 2011-08-15
                               bytes({0, 0, 0, 0x0a, 0x00, 0x0a, 0x00, 0x01, 0xd4, 0xc0}) +  // 0.12 s
                               bytes({0, 0, 0, 0x0b, 0x00, 0x07, 0x01}) +                    // SIP
                               bytes({0, 0, 0, 0x0c, 0x00, 0x0a, 0x00, 0x00, 0x13, 0xc4}) +  // agent 5060
                               bytes({0, 0, 0, 0x13, 0x00, 0x0d}) + "postern" +              //
                               bytes({0, 0, 0, 0x0f, 0x00, 0x14});                           // the message
  EXPECT_EQ(head_of(invite()), expected);
  EXPECT_EQ(head_of(invite()).size() + invite().message.size(), 0x7eU);
}

TEST(HepHead, TellsConnectionsIpv6CallAndReason) {
  HepPacket packet = invite();
  packet.stream = true;
  packet.source = at("2001:db8::1", 40000);
  packet.destination = at("2001:db8::2", 5061);
  packet.call_id = "a@b";
  packet.reason = "banned";
  const std::string head = head_of(packet);
  EXPECT_THAT(head, HasSubstr(bytes({0, 0, 0, 1, 0, 7, 10, 0, 0, 0, 2, 0, 7, 6})));
  EXPECT_THAT(head, HasSubstr(bytes({0, 0, 0, 5, 0, 0x16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
                                     0, 0, 0, 6, 0, 0x16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2})));
  EXPECT_THAT(head, HasSubstr(bytes({0, 0, 0, 0x11, 0, 9, 'a', '@', 'b', 0, 0, 0, 0x13, 0, 0x14}) + "postern/banned"));
  packet.call_id = std::string_view();
  const std::string without = head_of(packet);
  const std::string long_id(HepMirror::longest_call_id + 1, 'x');
  packet.call_id = long_id;
  EXPECT_EQ(head_of(packet), without);
}

class Mirror : public testing::Test {
 protected:
  Mirror() { mirror_.apply(server_.bound()); }

  static std::string options(const std::string& call_id, std::size_t body = 0) {
    return "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: " +
           call_id + "\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: " + std::to_string(body) + "\r\n\r\n" +
           std::string(body, 'b');
  }
  void keep(const std::string& message, Outcome outcome, acl::TimePoint now = acl::Clock::now()) {
    sbc::Datagram datagram;
    datagram.bytes = message;
    datagram.flow.peer = at("192.0.2.1", 5062);
    mirror_.keep(datagram, at("192.0.2.9", 5060), outcome, now);
    mirror_.send_kept();
  }
  /// The next packet at the server.
  std::string next() {
    constexpr int patience_ms = 10'000;
    pollfd item{server_.fd(), POLLIN, 0};
    if (waiting_.empty() && ::poll(&item, 1, patience_ms) == 1) {
      server_.receive(batch_);
      for (const auto& each : batch_.items()) waiting_.emplace_back(each.bytes);
    }
    if (waiting_.empty()) return "";
    std::string first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }
  [[nodiscard]] std::array<std::uint64_t, 3> counted() const {
    return {mirror_.counters().sent, mirror_.counters().left_out, mirror_.counters().failed};
  }

  UdpSocket server_{at("127.0.0.1")};
  ReceiveBatch batch_;
  std::vector<std::string> waiting_;
  HepMirror mirror_;
};

TEST_F(Mirror, CopiesWhatPassesAndWhatIsRefused) {
  keep(options("one"), Outcome::forwarded);
  keep(options("two"), Outcome::rule_drop);
  const std::string one = next();
  EXPECT_THAT(one, testing::EndsWith(options("one")));
  EXPECT_THAT(one, HasSubstr(bytes({0, 0, 0, 3, 0, 10, 192, 0, 2, 1, 0, 0, 0, 4, 0, 10, 192, 0, 2, 9})));
  EXPECT_THAT(one, HasSubstr(bytes({0, 0, 0, 0x13, 0, 13}) + "postern" + bytes({0, 0})));
  const std::string two = next();
  EXPECT_THAT(two, testing::EndsWith(options("two")));
  EXPECT_THAT(two, HasSubstr("postern/rule_drop"));
  EXPECT_THAT(counted(), ElementsAre(2, 0, 0));
}

TEST_F(Mirror, CopiesWhatIsSent) {
  sbc::Outgoing message;
  message.flow.peer = at("192.0.2.1", 5062);
  message.bytes = options("sent");
  mirror_.sent(message, at("192.0.2.9", 5060));
  const std::string copy = next();
  EXPECT_THAT(copy, testing::EndsWith(message.bytes));
  EXPECT_THAT(copy, HasSubstr(bytes({0, 0, 0, 3, 0, 10, 192, 0, 2, 9, 0, 0, 0, 4, 0, 10, 192, 0, 2, 1})));
}

TEST_F(Mirror, LeavesOutWhatIsNoSip) {
  keep("\r\n\r\n", Outcome::keep_alive);
  keep("GET / HTTP/1.1\r\n\r\n", Outcome::garbage);
  keep("GET / HTTP/1.1\r\n\r\n", Outcome::banned);
  keep(bytes({0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), Outcome::answered);
  keep("OPTIONS sip:a@b SIP/2.0\r\nbroken\r\n\r\n", Outcome::malformed);
  EXPECT_THAT(next(), HasSubstr("postern/malformed"));
  EXPECT_THAT(counted(), ElementsAre(1, 0, 0));
}

TEST_F(Mirror, CopiesRefusedOnesAtABoundedRateAndTheOthersAlways) {
  const auto burst = static_cast<std::uint64_t>(HepMirror::refused_rate.burst);
  const acl::TimePoint now = acl::Clock::now();
  const auto refuse = [&](std::uint64_t count, acl::TimePoint when) {
    for (std::uint64_t i = 0; i < count; ++i) {
      keep(options("refused"), Outcome::silenced, when);
      if (counted()[0] > i) next();
    }
  };
  refuse(burst + 50, now);
  EXPECT_THAT(counted(), ElementsAre(burst, 50, 0));
  keep(options("passes"), Outcome::answered, now);
  EXPECT_THAT(next(), testing::EndsWith(options("passes")));
  keep(options("later"), Outcome::silenced, now + std::chrono::seconds(1));
  EXPECT_THAT(next(), testing::EndsWith(options("later")));
}

TEST_F(Mirror, LeavesOutWhatNoDatagramHolds) {
  const std::size_t without_body = options("large", 10'000).size() - 10'000;
  const std::string large = options("large", HepMirror::largest_packet - without_body);
  keep(large, Outcome::forwarded);
  EXPECT_THAT(counted(), ElementsAre(0, 1, 0));
}

TEST_F(Mirror, CountsWhatNobodyTakesAndGoesOn) {
  const Endpoint address = server_.bound();
  server_.close();
  for (int i = 0; i < 4; ++i) keep(options("lost"), Outcome::forwarded);
  EXPECT_GE(mirror_.counters().failed, 1U);
  EXPECT_EQ(mirror_.counters().sent + mirror_.counters().failed, 4U);
  server_ = UdpSocket(address);
  keep(options("first"), Outcome::forwarded);  // may be told of those before
  keep(options("arrives"), Outcome::forwarded);
  std::string copy = next();
  if (copy.ends_with(options("first"))) copy = next();
  EXPECT_THAT(copy, testing::EndsWith(options("arrives")));
}

TEST_F(Mirror, IsOffWithoutAServer) {
  EXPECT_TRUE(mirror_.is_on());
  mirror_.apply(std::nullopt);
  EXPECT_FALSE(mirror_.is_on());
}

}  // namespace
}  // namespace postern::net
