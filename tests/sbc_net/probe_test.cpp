// Probes on loopback, and what the kernel's tables say.
#include "sbc/net/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = Probe::Kind;

const acl::Address here = acl::Address::v4(0x7f000001);

ProbeOptions quick() { return {.user = "1001", .between = 1ms, .patience = 300ms}; }

class ProbeTest : public ::testing::Test {
 protected:
  /// A port that nothing listens on: it was this test's a moment ago.
  template <class Protocol>
  sbc::Endpoint closed() {
    typename Protocol::socket socket(io_, typename Protocol::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    return {here, socket.local_endpoint().port()};
  }

  boost::asio::io_context io_;
  tcp::acceptor listener_{io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  udp::socket socket_{io_, udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
};

TEST_F(ProbeTest, TellsOpenFromClosedAndSilent) {
  const std::vector<Probe> probes{{Kind::connect, {here, listener_.local_endpoint().port()}, {}},
                                  {Kind::connect, closed<tcp>(), {}},
                                  {Kind::sip_options, {here, socket_.local_endpoint().port()}, {}},
                                  {Kind::sip_options, closed<udp>(), {}},
                                  {Kind::iax2_poke, closed<udp>(), {}}};
  EXPECT_THAT(probe(probes, quick()),
              ElementsAre(PortState::open, PortState::closed, PortState::filtered, PortState::closed, PortState::closed));
}

TEST_F(ProbeTest, AsksByOptionsOfAKnownUserFromTheAddressThatIsWanted) {
  std::string asked;
  std::string poked;
  std::jthread answers([&] {
    for (std::string* text : {&asked, &poked}) {
      text->resize(2000);
      udp::endpoint from;
      text->resize(socket_.receive_from(boost::asio::buffer(*text), from));
      socket_.send_to(boost::asio::buffer("SIP/2.0 200 OK\r\n\r\n", 18), from);
      EXPECT_EQ(from.address().to_string(), text == &asked ? "127.0.0.9" : "127.0.0.1");
    }
  });
  const sbc::Endpoint target{here, socket_.local_endpoint().port()};
  const std::vector<Probe> probes{{Kind::sip_options, target, acl::Address::v4(0x7f000009)}, {Kind::iax2_poke, target, {}}};
  EXPECT_THAT(probe(probes, quick()), ElementsAre(PortState::open, PortState::open));
  answers.join();
  EXPECT_TRUE(asked.starts_with("OPTIONS sip:127.0.0.1:"));
  EXPECT_THAT(asked, HasSubstr("From: <sip:1001@127.0.0.1>"));
  EXPECT_THAT(asked, HasSubstr("Via: SIP/2.0/UDP 127.0.0.9:"));
  EXPECT_EQ(asked.find("Authorization"), std::string::npos);
  EXPECT_EQ(poked, std::string("\x80\x01\0\0\0\0\0\0\0\0\x06\x1e", 12));
}

TEST_F(ProbeTest, SendsNoMoreThanOneInATime) {
  const std::vector<Probe> probes(4, Probe{Kind::connect, {here, listener_.local_endpoint().port()}, {}});
  ProbeOptions options = quick();
  options.between = 50ms;
  std::vector<std::chrono::steady_clock::time_point> sent;
  options.progress = [&](std::size_t) { sent.push_back(std::chrono::steady_clock::now()); };
  EXPECT_THAT(probe(probes, options), ::testing::Each(PortState::open));
  ASSERT_EQ(sent.size(), probes.size());
  EXPECT_GE(sent.back() - sent.front(), 3 * options.between);
}

TEST(ListeningPorts, AreReadFromTheKernelsTables) {
  std::istringstream v4(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:24F4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
      "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
      "   2: 0100007F:8123 0100007F:24F4 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
      "garbage\n   3: XX:0016 0:0 0A\n");
  const auto tcp_ports = listening_ports(v4, true);
  ASSERT_EQ(tcp_ports.size(), 2U);
  EXPECT_EQ(tcp_ports[0].port, 9460);
  EXPECT_TRUE(tcp_ports[0].address.is_loopback());
  EXPECT_EQ(tcp_ports[1].port, 22);
  EXPECT_TRUE(tcp_ports[1].address.is_unspecified());
  std::istringstream v6(
      "  sl  local_address                         remote_address                        st\n"
      "   0: 00000000000000000000000001000000:13C4 00000000000000000000000000000000:0000 07 00000000:00000000\n");
  const auto udp_ports = listening_ports(v6, false);
  ASSERT_EQ(udp_ports.size(), 1U);
  EXPECT_EQ(udp_ports[0].port, 5060);
  EXPECT_EQ(udp_ports[0].address.to_string(), "::1");
}

TEST(ListeningPorts, AreThoseOfThisHost) {
  boost::asio::io_context io;
  const tcp::acceptor listener(io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const auto ports = listening_ports();
  EXPECT_TRUE(std::ranges::any_of(ports, [&](const ListeningPort& port) {
    return port.tcp && port.port == listener.local_endpoint().port() && port.address.is_loopback();
  }));
}

}  // namespace
}  // namespace postern::net
