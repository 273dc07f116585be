#include "sbc/net/send_batch.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "tests/sbc_net/udp_support.hpp"

namespace postern::net {
namespace {

/// A request with so many octets in the place of the rest, which may be padded behind "X:".
Outgoing request(const Endpoint& peer, std::size_t size, char rest) {
  Outgoing out = outgoing(peer, "X: " + std::string(size - 3, rest));
  out.pad_at = 2;
  return out;
}

std::string without_padding(std::string text) {
  while (text.starts_with("X:  ")) text.erase(2, 1);
  return text;
}

TEST(SendBatch, WhatGoesToOnePeerIsJoinedAndArrivesAsItWasMeant) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  std::vector<Outgoing> datagrams;
  for (const std::size_t size : {600, 590, 653, 600, 640, 300})
    datagrams.push_back(request(server.bound(), size, static_cast<char>('a' + datagrams.size())));
  send(client, datagrams);
  const auto got = receive(server, datagrams.size());
  ASSERT_EQ(got.size(), datagrams.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(without_padding(got[i].bytes), datagrams[i].bytes) << i;
  for (std::size_t i = 0; i + 1 < got.size(); ++i) EXPECT_EQ(got[i].bytes.size(), 653U) << "as long as the longest, all but the last";
  EXPECT_EQ(got.back().bytes, datagrams.back().bytes);
}

TEST(SendBatch, NothingIsPaddedThatDoesNotGainByIt) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket other(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  const auto of = [&](std::initializer_list<std::size_t> sizes) {
    std::vector<Outgoing> out;
    for (const std::size_t size : sizes) out.push_back(request(server.bound(), size, 'a'));
    return out;
  };
  send(client, of({500, 510, 500}));                               // few
  send(client, of({500, 565, 630, 700, 1201, 1250, 1201, 1210}));  // too different, too large
  std::vector<Outgoing> mixed = of({500, 510, 500, 510, 500});
  mixed[2].flow.peer = other.bound();
  send(client, mixed);
  mixed = of({500, 510, 500, 510, 500});
  mixed[2].pad_at = 0;
  send(client, mixed);
  const auto got = receive(server, 20);
  ASSERT_EQ(got.size(), 20U);
  for (const Datagram& datagram : got) EXPECT_EQ(without_padding(datagram.bytes), datagram.bytes);
  EXPECT_EQ(receive(other, 1).size(), 1U);
}

TEST(SendBatch, ALongRowIsJoinedInPieces) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  std::vector<Outgoing> datagrams;
  for (std::size_t i = 0; i < 3 * SendBatch::capacity + 1; ++i)
    datagrams.push_back(request(server.bound(), 1100 + i % 50, static_cast<char>('a' + i % 26)));
  send(client, datagrams);
  const auto got = receive(server, datagrams.size());
  ASSERT_EQ(got.size(), datagrams.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(without_padding(got[i].bytes), datagrams[i].bytes) << i;
}

TEST(SendBatch, WhereTheKernelCannotJoinEachLeavesByItself) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  constexpr int on = 1;  // what is to be cut needs checksums
  ASSERT_EQ(::setsockopt(client.fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  std::vector<Outgoing> datagrams;
  for (const std::size_t size : {600, 590, 610, 600}) datagrams.push_back(request(server.bound(), size, 'a'));
  for (int times = 0; times < 2; ++times) {
    send(client, datagrams);
    const auto got = receive(server, datagrams.size());
    ASSERT_EQ(got.size(), datagrams.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].bytes, datagrams[i].bytes) << i;
  }
  EXPECT_EQ(client.counters().send_errors, 0U);
}

}  // namespace
}  // namespace postern::net
