// Streams without an engine, and clients that speak to them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "acl/file_descriptor.hpp"
#include "sbc/net/socket_address.hpp"
#include "sbc/net/streams.hpp"
#include "tests/sbc_net/certificates.hpp"

namespace postern::net::test {

inline constexpr std::chrono::seconds patience{10};
inline sbc::Endpoint at(const char* address, std::uint16_t port = 0) { return {*acl::Address::parse(address), port}; }

/// What an engine would do, written down.
class Script final : public StreamHandler {
 public:
  [[nodiscard]] bool is_trusted(const acl::Address&) const override { return trusted; }
  bool on_connected(const sbc::Flow& flow) override {
    if (flow.side == sbc::Side::core) return on_core(flow);
    connected.push_back(flow);
    return admits;
  }
  sbc::Outcome on_message(const sbc::Flow& flow, std::string_view message) override {
    messages.emplace_back(message);
    flows.push_back(flow);
    return outcome;
  }
  void on_turn_over() override {
    ++turns;
    if (answers) answers();
  }
  void on_refused(const sbc::Flow& /*flow*/, ConnectionEnd why) override { refused.push_back(why); }
  void on_disconnected(const sbc::Flow& flow, ConnectionEnd why) override {
    disconnected.push_back(flow);
    if (flow.side == sbc::Side::core) on_core_end(flow, why);
  }
  [[nodiscard]] bool keeps(const sbc::Flow&) const override { return kept; }

  bool trusted = false;
  bool admits = true;
  bool kept = false;
  sbc::Outcome outcome = sbc::Outcome::forwarded;
  std::function<void()> answers;
  std::function<bool(const sbc::Flow&)> on_core;
  std::function<void(const sbc::Flow&, ConnectionEnd)> on_core_end;
  std::vector<sbc::Flow> connected, flows, disconnected;
  std::vector<std::string> messages;
  std::vector<ConnectionEnd> refused;
  int turns = 0;
};

/// A socket of TCP that does not block.
class Client {
 public:
  explicit Client(const sbc::Endpoint& to, const char* from = "127.0.0.1")
      : socket_(::socket(family_of(to.address), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address{};
    socklen_t length = fill(address, at(from));
    EXPECT_EQ(::bind(socket_.get(), &address.any, length), 0);
    length = fill(address, to);
    EXPECT_EQ(::connect(socket_.get(), &address.any, length), 0);
  }

  /// Whether the system took all of it at once.
  bool send(std::string_view octets) const {
    return ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(octets.size());
  }
  /// Reads what is there into `received`; false: the connection has ended.
  bool read() {
    std::array<char, 65536> buffer{};
    ssize_t got = 1;
    while ((got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
      received.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }
  [[nodiscard]] int fd() const { return socket_.get(); }
  void close() { socket_.reset(); }

  std::string received;

 private:
  acl::FileDescriptor socket_;
};

class StreamsTest : public testing::Test {
 protected:
  StreamsTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~StreamsTest() override { streams_->stop(); }
  StreamsTest(const StreamsTest&) = delete;
  StreamsTest& operator=(const StreamsTest&) = delete;

  static sbc::ListenerOptions listener(sbc::Transport transport, const char* address = "127.0.0.1", std::uint16_t port = 0) {
    return {.name = "door", .transport = transport, .bind = at(address, port), .advertise = {}, .advertise_to = {}};
  }
  /// Opens these listeners in place of those that are there.
  void open(std::vector<sbc::ListenerOptions> slots, const sbc::LimitsOptions& limits = {}) {
    const auto wanted = slots;
    streams_->apply(streams_->open(slots, wanted), limits);
    slots_ = std::move(slots);
    streams_->start();
  }
  void with_times(const StreamTimes& times) { streams_ = std::make_unique<Streams>(io_, script_, times); }
  [[nodiscard]] sbc::Endpoint door(std::size_t slot = 0) const { return slots_.at(slot).bind; }
  bool run_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      io_.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  bool ends(Client& client) {
    return run_until([&] { return !client.read(); });
  }
  bool ended(ConnectionEnd why, std::uint64_t times = 1) {
    return run_until([&] { return streams_->counters().ended[static_cast<std::size_t>(why)] == times; });
  }
  [[nodiscard]] std::size_t connections() const {
    std::size_t all = 0;
    for (const std::size_t open : streams_->counters().open) all += open;
    return all;
  }
  /// A message of that size in all, or a small one.
  static std::string message(std::size_t size = 0) {
    const std::string head = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c\r\nContent-Length: ";
    constexpr std::size_t rest = 9;  // five digits and two line ends
    if (size <= head.size() + rest) return head + "0\r\n\r\n";
    std::string digits = std::to_string(size - head.size() - rest);
    digits.insert(0, 5 - digits.size(), '0');
    return head + digits + "\r\n\r\n" + std::string(size - head.size() - rest, 'x');
  }

  boost::asio::io_context io_{1};
  Script script_;
  std::unique_ptr<Streams> streams_ = std::make_unique<Streams>(io_, script_);
  std::vector<sbc::ListenerOptions> slots_;
};

}  // namespace postern::net::test
