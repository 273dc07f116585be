#include "sbc/net/steering.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "sbc/net/udp_socket.hpp"
#include "tests/sbc_net/stream_support.hpp"

namespace postern::net {
namespace {

using sbc::Endpoint;

constexpr std::uint32_t seed = 0x5eed5eed;

acl::Address address(const std::string& text) { return acl::Address::parse(text).value_or(acl::Address()); }

/// The sockets of some workers at one port.
class Group {
 public:
  Group(const char* at, std::uint16_t workers, std::uint32_t with_seed = seed) : steering_(workers, with_seed) {
    Endpoint bind{address(at), 0};
    for (std::uint16_t i = 0; i < workers; ++i) {
      const WorkerPlace place{i, steering_};
      sockets_.push_back(std::make_unique<UdpSocket>(bind, sharing_of(place, false)));
      bind = sockets_.back()->bound();
    }
    steering_.attach(sockets_.back()->fd());
  }
  void complete() const {
    for (const auto& socket : sockets_) socket->complete();
  }
  [[nodiscard]] const Endpoint& bound() const { return sockets_.front()->bound(); }
  [[nodiscard]] const Steering& steering() const { return steering_; }

  /// Which of them a datagram from there comes to; -1: none.
  int receiver_of(const std::string& source) {
    UdpSocket phone({address(source), 0});
    sbc::Outgoing datagram;
    datagram.flow.peer = {address(phone.bound().address.is_v4() ? "127.0.0.1" : "::1"), bound().port};
    datagram.bytes = "hello";
    const sbc::Outgoing* pointer = &datagram;
    phone.send({&pointer, 1});
    std::vector<pollfd> waiting;
    for (const auto& socket : sockets_) waiting.push_back({socket->fd(), POLLIN, 0});
    constexpr int patience_ms = 10'000;
    ::poll(waiting.data(), waiting.size(), patience_ms);
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (sockets_[i]->receive(batch_) != 0 && batch_.items().front().peer == phone.bound()) return static_cast<int>(i);
    }
    return -1;
  }

 private:
  Steering steering_;
  std::vector<std::unique_ptr<UdpSocket>> sockets_;
  ReceiveBatch batch_;
};

std::string source_of(int i) { return "127." + std::to_string(i * 3) + "." + std::to_string(255 - i) + "." + std::to_string(i); }

/// The stream listeners of some workers at one port.
class StreamGroup {
 public:
  explicit StreamGroup(std::uint16_t workers) : steering_(workers, seed) {}
  ~StreamGroup() {
    for (const auto& member : members_) member->streams.stop();
  }
  StreamGroup(const StreamGroup&) = delete;
  StreamGroup& operator=(const StreamGroup&) = delete;

  void open_next() {
    const WorkerPlace place{static_cast<std::uint16_t>(members_.size()), steering_};
    members_.push_back(std::make_unique<Member>(io_, place));
    std::vector<sbc::ListenerOptions> slots{
        {.name = "door", .transport = sbc::Transport::tcp, .bind = bound_, .advertise = {}, .advertise_to = {}}};
    const auto wanted = slots;
    Streams& streams = members_.back()->streams;
    streams.apply(streams.open(slots, wanted), {});
    bound_ = slots.front().bind;
  }
  void complete() {
    while (members_.size() < steering_.workers()) open_next();
    for (const auto& member : members_) member->streams.start();
  }
  /// A connection is on its way from there.
  void knock(const std::string& source) {
    acl::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    SocketAddress at{};
    socklen_t length = fill(at, {address(source), 0});
    ASSERT_EQ(::bind(socket.get(), &at.any, length), 0);
    length = fill(at, bound_);
    ASSERT_TRUE(::connect(socket.get(), &at.any, length) == 0 || errno == EINPROGRESS);
    callers_.push_back(std::move(socket));
  }
  /// Which of them has accepted whom, once `count` were.
  std::map<std::string, int> receivers(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + test::patience;
    std::map<std::string, int> found;
    while (found.size() < count && std::chrono::steady_clock::now() < end) {
      io_.run_one_for(std::chrono::milliseconds(10));
      for (std::size_t i = 0; i < members_.size(); ++i)
        for (const sbc::Flow& flow : members_[i]->script.connected) found[flow.peer.address.to_string()] = static_cast<int>(i);
    }
    return found;
  }
  [[nodiscard]] const Steering& steering() const { return steering_; }

 private:
  struct Member {
    Member(boost::asio::io_context& io, const WorkerPlace& place) : streams(io, script, StreamTimes{}, place) {}
    test::Script script;
    Streams streams;
  };

  boost::asio::io_context io_{1};
  Steering steering_;
  Endpoint bound_{address("127.0.0.1"), 0};
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<acl::FileDescriptor> callers_;
};

TEST(Steering, TheKernelAgreesForConnections) {
  for (const std::uint16_t workers : std::initializer_list<std::uint16_t>{2, 3, 5}) {
    StreamGroup group(workers);
    group.complete();
    std::map<std::string, int> expected;
    for (int i = 1; i < 60; ++i) {
      group.knock(source_of(i));
      expected[source_of(i)] = group.steering().worker_of(address(source_of(i)));
    }
    EXPECT_EQ(group.receivers(expected.size()), expected) << workers << " workers";
  }
}

/// Whoever came between two of them was the first one's for as long as the connection stood.
TEST(Steering, ConnectionsWaitForAGroupToBeComplete) {
  StreamGroup group(3);
  std::map<std::string, int> expected;
  for (int i = 1; i < 30; ++i) {
    if (i % 10 == 1) group.open_next();
    group.knock(source_of(i));
    expected[source_of(i)] = group.steering().worker_of(address(source_of(i)));
  }
  group.complete();
  EXPECT_EQ(group.receivers(expected.size()), expected);
}

TEST(Steering, TheKernelAgreesForIpv4) {
  for (const std::uint16_t workers : std::initializer_list<std::uint16_t>{2, 3, 5}) {
    Group group("0.0.0.0", workers);
    group.complete();
    for (int i = 1; i < 60; ++i) {
      const std::string source = source_of(i);
      ASSERT_EQ(group.receiver_of(source), group.steering().worker_of(address(source))) << source << ", " << workers << " workers";
    }
  }
}

/// There is one IPv6 source on every machine; seeds take the place of others.
TEST(Steering, TheKernelAgreesForIpv6) {
  for (std::uint32_t each = 1; each <= 30; ++each) {
    std::unique_ptr<Group> group;
    try {
      group = std::make_unique<Group>("::", 7, each * 0x9e3779b9U);
    } catch (const std::system_error&) {
      GTEST_SKIP() << "no IPv6 here";
    }
    group->complete();
    ASSERT_EQ(group->receiver_of("::1"), group->steering().worker_of(address("::1"))) << "seed " << each;
  }
}

TEST(Steering, SpreadsTenThousandAddresses) {
  const Steering steering(2, seed);
  int second_v4 = 0;
  int second_v6 = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    second_v4 += steering.worker_of(acl::Address::v4(0xcb007100 + i));
    acl::Address::Bytes bytes{0x20, 0x01, 0x0d, 0xb8};
    bytes[6] = static_cast<std::uint8_t>(i >> 8U);
    bytes[7] = static_cast<std::uint8_t>(i);
    second_v6 += steering.worker_of(acl::Address::v6(bytes));
  }
  EXPECT_GT(second_v4, 4500);
  EXPECT_LT(second_v4, 5500);
  EXPECT_GT(second_v6, 4500);
  EXPECT_LT(second_v6, 5500);
}

TEST(Steering, AnIpv6NetworkIsOneSource) {
  const Steering steering(64, seed);
  EXPECT_EQ(steering.worker_of(address("2001:db8:1:2::1")), steering.worker_of(address("2001:db8:1:2:ffff:eeee:dddd:cccc")));
  int others = 0;
  for (int i = 0; i < 64; ++i) {
    const auto network = address("2001:db8:1:" + std::to_string(1000 + i) + "::1");
    others += steering.worker_of(network) != steering.worker_of(address("2001:db8:1:2::1")) ? 1 : 0;
  }
  EXPECT_GT(others, 50);
}

TEST(Steering, AnotherSeedSteersOtherwise) {
  int moved = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const acl::Address source = acl::Address::v4(0xcb007100 + i);
    moved += Steering(2, 1).worker_of(source) != Steering(2, 2).worker_of(source) ? 1 : 0;
  }
  EXPECT_GT(moved, 400);
  EXPECT_LT(moved, 600);
}

TEST(Steering, AGroupHearsNothingUntilItIsComplete) {
  Group group("127.0.0.1", 2);
  UdpSocket phone({address("127.0.0.1"), 0});
  sbc::Outgoing early;
  early.flow.peer = group.bound();
  early.bytes = "early";
  const sbc::Outgoing* pointer = &early;
  phone.send({&pointer, 1});
  group.complete();
  EXPECT_GE(group.receiver_of("127.0.0.1"), 0) << "the early one would have come first";
}

TEST(Steering, ThePortOfAGroupIsTaken) {
  const Group group("127.0.0.1", 2);
  EXPECT_THROW(UdpSocket{group.bound()}, std::system_error);
  EXPECT_THROW((UdpSocket{group.bound(), PortSharing{.in_group = true}}), std::system_error) << "the first of another group";
}

}  // namespace
}  // namespace postern::net
