// Connections of TCP: what is delivered, what is answered, and what ends them.
#include <sys/resource.h>

#include <string>

#include "tests/sbc_net/stream_support.hpp"

namespace postern::net::test {
namespace {

using sbc::Outcome;
using sbc::Transport;
using testing::ElementsAre;

class TcpTest : public StreamsTest {
 protected:
  TcpTest() { open({listener(Transport::tcp)}); }
};

TEST_F(TcpTest, DeliversMessagesWithTheirFlow) {
  Client client(door());
  client.send(message() + message(500) + message().substr(0, 20));
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 2; }));
  client.send(message().substr(20));
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 3; }));
  EXPECT_THAT(script_.messages, ElementsAre(message(), message(500), message()));
  const sbc::Flow& flow = script_.flows[0];
  EXPECT_EQ(flow.side, sbc::Side::access);
  EXPECT_EQ(flow.transport, Transport::tcp);
  EXPECT_EQ(flow.local, door().address);
  EXPECT_EQ(flow.peer.address, at("127.0.0.1").address);
  EXPECT_NE(flow.connection, 0U);
  EXPECT_EQ(script_.connected.at(0), flow);
  client.close();
  EXPECT_TRUE(ended(ConnectionEnd::peer_closed));
  EXPECT_EQ(script_.disconnected.at(0), flow);
  EXPECT_EQ(connections(), 0U);
}

TEST_F(TcpTest, AnIdIsNeverUsedTwice) {
  std::set<std::uint64_t> ids;
  for (std::size_t i = 1; i <= 20; ++i) {
    Client client(door());
    ASSERT_TRUE(run_until([&] { return script_.connected.size() == i; }));
    ids.insert(script_.connected.back().connection);
    EXPECT_NE(script_.connected.back().connection & 0xffffffffU, 0U);
  }
  EXPECT_EQ(ids.size(), 20U);
}

TEST_F(TcpTest, SendsOverTheConnectionOfTheFlowAndNoOther) {
  Client one(door()), two(door());
  two.send(message());
  ASSERT_TRUE(run_until([&] { return !script_.flows.empty(); }));
  EXPECT_TRUE(streams_->send(script_.flows[0], "SIP/2.0 200 OK\r\n\r\n"));
  ASSERT_TRUE(run_until([&] { return two.read() && !two.received.empty(); }));
  EXPECT_EQ(two.received, "SIP/2.0 200 OK\r\n\r\n");
  one.read();
  EXPECT_EQ(one.received, "");
  two.close();
  ASSERT_TRUE(ended(ConnectionEnd::peer_closed));
  EXPECT_FALSE(streams_->send(script_.flows[0], "SIP/2.0 200 OK\r\n\r\n"));
  EXPECT_EQ(streams_->counters().undeliverable, 1U);
}

TEST_F(TcpTest, APingIsAnsweredAndALineEndIsNot) {
  Client client(door());
  client.send("\r\n");
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 1; }));
  client.send(message());
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 2; }));
  client.send("\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return client.read() && !client.received.empty(); }));
  EXPECT_EQ(client.received, "\r\n");
  EXPECT_THAT(script_.messages, ElementsAre("\r\n", message(), "\r\n\r\n"));
}

TEST_F(TcpTest, WhatCannotBeFramedIsJudgedOnceAnsweredAndTheEnd) {
  script_.outcome = Outcome::malformed;
  script_.answers = [&] { streams_->send(script_.flows.at(0), "SIP/2.0 400 Bad Content-Length\r\n\r\n"); };
  Client client(door());
  client.send("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1000000000\r\n\r\n" + std::string(5000, 'x'));
  EXPECT_TRUE(ends(client));
  EXPECT_EQ(client.received, "SIP/2.0 400 Bad Content-Length\r\n\r\n");
  EXPECT_EQ(script_.messages.size(), 1U);
  EXPECT_TRUE(ended(ConnectionEnd::not_sip));
}

TEST_F(TcpTest, OtherProtocolsGetNoFurther) {
  script_.outcome = Outcome::garbage;
  for (const char* octets : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    Client client(door());
    client.send(octets);
    EXPECT_TRUE(ends(client)) << octets;
    EXPECT_EQ(client.received, "");
  }
  EXPECT_EQ(script_.messages.size(), 3U);
}

TEST_F(TcpTest, SilenceEndsTheConnectionUnlessARegistrationNeedsIt) {
  for (const Outcome outcome : {Outcome::banned, Outcome::rule_drop, Outcome::rule_ban, Outcome::unknown_sources_limit}) {
    script_.outcome = outcome;
    Client client(door());
    client.send(message() + message());
    EXPECT_TRUE(ends(client));
    EXPECT_EQ(script_.messages.size(), 1U) << "what stands behind it is not looked at";
    script_.messages.clear();
  }
  EXPECT_TRUE(ended(ConnectionEnd::refused, 4));
  script_.kept = true;
  Client phone(door());
  phone.send(message() + message());
  EXPECT_TRUE(run_until([&] { return script_.messages.size() == 2; }));
  EXPECT_TRUE(phone.read());
}

TEST_F(TcpTest, WhoIsNotAdmittedIsClosedAtOnce) {
  script_.admits = false;
  Client client(door());
  client.send(message());
  EXPECT_TRUE(ends(client));
  EXPECT_TRUE(script_.messages.empty());
  EXPECT_TRUE(script_.disconnected.empty());
  EXPECT_TRUE(ended(ConnectionEnd::not_admitted));
}

TEST_F(TcpTest, ManySmallMessagesTakeTurnsWithOthers) {
  Client busy(door()), other(door());
  std::string many;
  std::size_t count = 0;
  for (; many.size() < 60'000; ++count) many += message();
  ASSERT_TRUE(busy.send(many));
  ASSERT_TRUE(run_until([&] { return !script_.messages.empty(); }));
  EXPECT_EQ(script_.messages.size(), static_cast<std::size_t>(StreamConnection::messages_a_turn));
  other.send(message(300));
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == count + 1; }));
  EXPECT_NE(script_.messages.back(), message(300)) << "the other had to wait for all of them";
}

TEST_F(TcpTest, ASlowReaderIsCutOff) {
  Client client(door());
  client.send(message());
  ASSERT_TRUE(run_until([&] { return !script_.flows.empty(); }));
  const std::string large(60'000, 'x');
  // The system's own buffers take some megabytes first.
  for (int i = 0; i < 1000 && script_.disconnected.empty(); ++i) {
    streams_->send(script_.flows[0], large);
    io_.poll();
  }
  EXPECT_TRUE(ended(ConnectionEnd::slow_reader));
  EXPECT_EQ(streams_->reserved(), 0U);
}

TEST_F(TcpTest, WhatIsQueuedArrivesInOrder) {
  Client client(door());
  client.send(message());
  ASSERT_TRUE(run_until([&] { return !script_.flows.empty(); }));
  std::string sent;
  for (int i = 0; streams_->reserved() == 0 && i < 1000; ++i) {
    const std::string text(20'000, static_cast<char>('a' + i % 26));
    sent += text;
    streams_->send(script_.flows[0], text);
  }
  streams_->send(script_.flows[0], "last");
  sent += "last";
  ASSERT_TRUE(run_until([&] { return client.read() && client.received.size() >= sent.size(); }));
  EXPECT_TRUE(client.received == sent);
  EXPECT_EQ(streams_->reserved(), 0U);
}

TEST_F(TcpTest, AShortageOfFilesIsWaitedOut) {
  Client client(door());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_TRUE(run_until([&] { return streams_->counters().accept_errors > 0; }));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  client.send(message());
  EXPECT_TRUE(run_until([&] { return script_.messages.size() == 1; }));
}

TEST_F(StreamsTest, OneSourceHasSoManyConnections) {
  sbc::LimitsOptions limits;
  limits.connections_per_source = 2;
  open({listener(Transport::tcp)}, limits);
  Client one(door()), two(door()), three(door()), elsewhere(door(), "127.0.0.2");
  EXPECT_TRUE(ends(three));
  EXPECT_TRUE(ended(ConnectionEnd::source_limit));
  EXPECT_EQ(connections(), 3U);
  one.close();
  ASSERT_TRUE(ended(ConnectionEnd::peer_closed));
  Client again(door());
  EXPECT_TRUE(run_until([&] { return connections() == 3; }));
  script_.trusted = true;
  Client more(door());
  EXPECT_TRUE(run_until([&] { return connections() == 4; }));
}

TEST_F(StreamsTest, AHalfMessageEndsHoweverSlowlyItGrows) {
  with_times({.half_message = std::chrono::milliseconds(100)});
  open({listener(Transport::tcp)});
  Client client(door());
  const std::string text = message(3000);
  std::size_t at = 0;
  EXPECT_TRUE(run_until([&] {
    if (at < text.size() - 1) client.send(text.substr(at++, 1));
    return !client.read();
  }));
  EXPECT_TRUE(ended(ConnectionEnd::half_message));
}

TEST_F(StreamsTest, AnIdleConnectionEndsUnlessARegistrationNeedsIt) {
  with_times({.idle = std::chrono::milliseconds(50)});
  open({listener(Transport::tcp)});
  script_.kept = true;
  Client phone(door());
  ASSERT_TRUE(run_until([&] { return connections() == 1; }));
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(120);
  ASSERT_TRUE(run_until([&] { return std::chrono::steady_clock::now() > later; }));
  EXPECT_EQ(connections(), 1U);
  script_.kept = false;
  EXPECT_TRUE(ends(phone));
  EXPECT_TRUE(ended(ConnectionEnd::idle));
}

TEST_F(StreamsTest, AListenerThatIsTakenAwayKeepsItsConnections) {
  open({listener(Transport::tcp)});
  const sbc::Endpoint first = door();
  Client client(first);
  ASSERT_TRUE(run_until([&] { return connections() == 1; }));
  auto gone = slots_[0];
  gone.open = false;
  open({gone, listener(Transport::tcp)});
  client.send(message());
  EXPECT_TRUE(run_until([&] { return script_.messages.size() == 1; }));
  EXPECT_TRUE(streams_->has_connections(0));
  EXPECT_NO_THROW(StreamListener(io_, *streams_, listener(Transport::tcp, "127.0.0.1", first.port), 0, PortSharing{})) << "still open";
  streams_->close_slot(0);
  EXPECT_TRUE(ends(client));
  EXPECT_FALSE(streams_->has_connections(0));
}

TEST_F(StreamsTest, AWildcardTakesOverFromOneAddressAndBack) {
  open({listener(Transport::tcp)});
  const std::uint16_t port = door().port;
  for (const char* address : {"0.0.0.0", "127.0.0.1", "0.0.0.0"}) {
    open({listener(Transport::tcp, address, port)});
    Client client(at("127.0.0.1", port));
    client.send(message());
    EXPECT_TRUE(run_until([&] { return !script_.messages.empty(); })) << address;
    EXPECT_EQ(script_.flows.back().local, at("127.0.0.1").address);
    script_.messages.clear();
  }
}

}  // namespace
}  // namespace postern::net::test
