#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "tests/sbc_net/udp_support.hpp"

namespace postern::net {
namespace {

class Family : public testing::TestWithParam<const char*> {
 protected:
  /// IPv6 may be switched off on the host.
  void SetUp() override {
    try {
      const UdpSocket probe(at(GetParam()));
    } catch (const std::system_error& error) {
      GTEST_SKIP() << GetParam() << ": " << error.what();
    }
  }
};

TEST_P(Family, TellsWhoSentToWhat) {
  UdpSocket server(at(GetParam()));
  UdpSocket client(at(GetParam()));
  ASSERT_NE(server.bound().port, 0);
  send(client, {outgoing(server.bound(), "hello")});
  const auto got = receive(server, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].bytes, "hello");
  EXPECT_EQ(got[0].peer, client.bound());
  EXPECT_EQ(got[0].local, server.bound().address);
}

TEST_P(Family, SendsMoreThanABatchInOrder) {
  constexpr std::size_t count = ReceiveBatch::capacity * 2 + 5;
  UdpSocket server(at(GetParam()));
  UdpSocket client(at(GetParam()));
  std::vector<Outgoing> datagrams;
  datagrams.reserve(count);
  for (std::size_t i = 0; i < count; ++i) datagrams.push_back(outgoing(server.bound(), std::to_string(i)));
  send(client, datagrams);
  const auto got = receive(server, count);
  ASSERT_EQ(got.size(), count);
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(got[i].bytes, std::to_string(i));
}

INSTANTIATE_TEST_SUITE_P(UdpSocket, Family, testing::Values("127.0.0.1", "::1"));

TEST(UdpSocket, ReceivesAtMostABatchAtOnce) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  send(client, std::vector<Outgoing>(ReceiveBatch::capacity + 1, outgoing(server.bound(), "x")));
  ReceiveBatch batch;
  ASSERT_TRUE(readable(server));
  EXPECT_EQ(server.receive(batch), ReceiveBatch::capacity);
  EXPECT_EQ(batch.items().size(), ReceiveBatch::capacity);
  ASSERT_TRUE(readable(server));
  EXPECT_EQ(server.receive(batch), 1U);
  EXPECT_EQ(server.receive(batch), 0U);
  EXPECT_TRUE(batch.items().empty());
}

TEST(UdpSocket, AWildcardLearnsAndNamesItsAddress) {
  UdpSocket server(at("0.0.0.0"));
  UdpSocket client(at("127.0.0.9"));
  const std::vector<Endpoint> ours = {at("127.0.0.1", server.bound().port), at("127.0.0.5", server.bound().port)};
  send(client, {outgoing(ours[0], "one"), outgoing(ours[1], "five")});
  const auto got = receive(server, 2);
  ASSERT_EQ(got.size(), 2U);
  std::vector<Outgoing> answers;
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got[i].local, ours[i].address);
    EXPECT_EQ(got[i].peer, client.bound());
    answers.push_back(outgoing(got[i].peer, got[i].bytes, got[i].local));
  }
  send(server, answers);
  const auto back = receive(client, 2);
  ASSERT_EQ(back.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(back[i].peer, ours[i]);
}

TEST(UdpSocket, AnIpv6WildcardLearnsItsAddressAndLeavesIpv4Alone) {
  try {
    UdpSocket six(at("::"));
    const UdpSocket four(at("0.0.0.0", six.bound().port));
    UdpSocket client(at("::1"));
    send(client, {outgoing(at("::1", six.bound().port), "six")});
    const auto got = receive(six, 1);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].local, *acl::Address::parse("::1"));
    send(six, {outgoing(got[0].peer, "back", got[0].local)});
    EXPECT_EQ(receive(client, 1).size(), 1U);
  } catch (const std::system_error& error) {
    GTEST_SKIP() << error.what();
  }
}

/// With several workers each had one: a source had the limits of all of them, and a silenced one was heard.
TEST(UdpSocket, WhatIsSentToManyIsForNone) {
  UdpSocket server(at("0.0.0.0"));
  UdpSocket client(at("127.0.0.1"));
  const int on = 1;
  ASSERT_EQ(::setsockopt(client.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on), 0);
  const auto to = [&](const char* address) { return outgoing(at(address, server.bound().port), address); };
  send(client, {to("127.255.255.255"), to("127.0.0.1"), to("127.255.255.255"), to("127.0.0.2")});
  const auto got = receive(server, 2);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].bytes, "127.0.0.1");
  EXPECT_EQ(got[1].bytes, "127.0.0.2");
  EXPECT_EQ(got[1].local, at("127.0.0.2").address);
  EXPECT_EQ(server.counters().not_unicast, 2U);
}

/// Groups that another program has joined are no affair of ours: the kernel does not wake us for them.
TEST(UdpSocket, HearsNoGroupThatItHasNotJoined) {
  for (const char* any : {"0.0.0.0", "::"}) {
    try {
      const UdpSocket server(at(any));
      const bool v4 = server.bound().address.is_v4();
      int all = 1;
      socklen_t length = sizeof all;
      ASSERT_EQ(::getsockopt(server.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL, &all, &length), 0);
      EXPECT_EQ(all, 0) << any;
    } catch (const std::system_error& error) {
      ASSERT_STREQ(any, "::") << error.what();
      GTEST_SKIP() << "no IPv6 here";
    }
  }
}

TEST(UdpSocket, TakesTheLargestDatagram) {
  constexpr std::size_t largest = 65'507;  // 65,535 less the headers of IPv4 and UDP
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  send(client, {outgoing(server.bound(), std::string(largest, 'a'))});
  const auto got = receive(server, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].bytes.size(), largest);
}

TEST(UdpSocket, GivesEachInOnePieceWhereverItsPartsWereReceived) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  std::vector<std::string> texts;
  for (const std::size_t size : {1, 2047, 2048, 2049, 9000, 100}) {
    std::string& text = texts.emplace_back(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 31 + size) % 26);
  }
  for (const std::string& text : texts) send(client, {outgoing(server.bound(), text)});
  const auto got = receive(server, texts.size());
  ASSERT_EQ(got.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(got[i].bytes, texts[i]) << texts[i].size();
}

TEST(UdpSocket, OneThatCannotBeSentDoesNotStopTheOthers) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  send(client, {outgoing(server.bound(), "before"), outgoing(server.bound(), std::string(70'000, 'a')), outgoing(server.bound(), "after")});
  const auto got = receive(server, 2);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[1].bytes, "after");
  EXPECT_EQ(client.counters().send_errors, 1U);
  EXPECT_FALSE(client.wants_write());
}

int mtu_discovery(const UdpSocket& socket) {
  int value = -1;
  socklen_t length = sizeof value;
  return ::getsockopt(socket.fd(), IPPROTO_IP, IP_MTU_DISCOVER, &value, &length) == 0 ? value : -1;
}

TEST(UdpSocket, RoutersMayCutWhatIsLargeAlone) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  const auto of = [&](std::size_t size) { return outgoing(server.bound(), std::string(size, 'a')); };
  send(client, {of(1200)});
  EXPECT_EQ(mtu_discovery(client), IP_PMTUDISC_DO);
  send(client, {of(1200), of(1201)});
  EXPECT_EQ(mtu_discovery(client), IP_PMTUDISC_DONT);
  send(client, {of(1), of(5000), of(1200), of(2)});
  send(client, {of(3)});
  EXPECT_EQ(mtu_discovery(client), IP_PMTUDISC_DO);
  const auto got = receive(server, 8);
  std::vector<std::size_t> sizes;
  for (const Datagram& datagram : got) sizes.push_back(datagram.bytes.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1200, 1200, 1201, 1, 5000, 1200, 2, 3})) << "in order";
}

/// From now on this process is alone in a network that carries no more than `mtu` octets in one piece. False: it may not be.
bool enter_narrow_network(int mtu) {
  // As root no other users are needed, which a process with threads (a sanitizer's) could not have.
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const acl::FileDescriptor control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{"lo", {}};
  request.ifr_mtu = mtu;
  if (::ioctl(control.get(), SIOCSIFMTU, &request) != 0) return false;
  request.ifr_flags = IFF_UP;
  return ::ioctl(control.get(), SIOCSIFFLAGS, &request) == 0;
}

/// What is small enough for most paths, and yet too large for this one.
bool arrives_in_a_narrow_network() {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  const std::vector<std::size_t> sizes{10, 700, 1200, 20, 900, 1500};
  std::vector<Outgoing> datagrams;
  for (const std::size_t size : sizes) datagrams.push_back(outgoing(server.bound(), std::string(size, 'a')));
  send(client, datagrams);
  std::vector<std::size_t> got;
  for (const Datagram& datagram : receive(server, sizes.size())) got.push_back(datagram.bytes.size());
  return got == sizes && client.counters().send_errors == 0;
}

TEST(UdpSocket, APathThatCarriesLessGetsItInPieces) {
  constexpr int no_namespace = 77;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(!enter_narrow_network(600) ? no_namespace : arrives_in_a_narrow_network() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == no_namespace) GTEST_SKIP() << "may not make a network of its own";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(UdpSocket, GoesOnAfterAPortUnreachable) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  Endpoint nobody;
  {
    const UdpSocket gone(at("127.0.0.1"));
    nobody = gone.bound();
  }
  send(client, {outgoing(nobody, "x"), outgoing(nobody, "x")});
  send(client, {outgoing(server.bound(), "y")});
  EXPECT_EQ(receive(server, 1).size(), 1U);
  send(server, {outgoing(client.bound(), "z")});
  EXPECT_EQ(receive(client, 1).size(), 1U);
}

TEST(UdpSocket, AnEmptyDatagramIsOne) {
  UdpSocket server(at("127.0.0.1"));
  UdpSocket client(at("127.0.0.1"));
  send(client, {outgoing(server.bound(), "")});
  const auto got = receive(server, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].bytes.empty());
}

TEST(UdpSocket, SaysThatAPortIsTaken) {
  const UdpSocket first(at("127.0.0.1"));
  try {
    const UdpSocket second(first.bound());
    FAIL() << "bound twice";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
  }
}

TEST(UdpSocket, HasAReceiveBufferOfItsOwnSize) { EXPECT_GE(UdpSocket(at("127.0.0.1")).receive_buffer(), 100'000); }

TEST(SendQueue, KeepsOrderAndIsBoundedInNumber) {
  SendQueue queue;
  for (std::size_t i = 0; i < SendQueue::max_datagrams; ++i) ASSERT_TRUE(queue.push(outgoing({}, std::to_string(i))));
  EXPECT_FALSE(queue.push(outgoing({}, "too many")));
  EXPECT_EQ(queue.front().bytes, "0");
  queue.pop();
  EXPECT_EQ(queue.front().bytes, "1");
  EXPECT_TRUE(queue.push(outgoing({}, "fits again")));
  EXPECT_EQ(queue.size(), SendQueue::max_datagrams);
}

TEST(SendQueue, IsBoundedInBytes) {
  const Outgoing large = outgoing({}, std::string(60'000, 'a'));
  SendQueue queue;
  while (queue.push(large)) ASSERT_LE(queue.size() * large.bytes.size(), SendQueue::max_bytes);
  EXPECT_EQ(queue.size(), SendQueue::max_bytes / large.bytes.size());
  queue.pop();
  EXPECT_TRUE(queue.push(large));
}

TEST(SocketAddress, FindsTheAddressOfTheRoute) {
  EXPECT_EQ(local_address_toward(at("127.0.0.1", 5060)), *acl::Address::parse("127.0.0.1"));
}

}  // namespace
}  // namespace postern::net
