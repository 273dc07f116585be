#include "sbc/net/worker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "acl/policy.hpp"
#include "sbc/net/start_error.hpp"

namespace postern::net {
namespace {

using sbc::Endpoint;
using sbc::Outcome;
using testing::HasSubstr;

constexpr std::chrono::seconds patience{10};

Endpoint at(const char* address, std::uint16_t port = 0) { return {*acl::Address::parse(address), port}; }

class Silent final : public sbc::EventSink {
 public:
  void on_event(const sbc::Event&) override {}
};

sbc::EngineOptions options_toward(const Endpoint& pbx) {
  sbc::EngineOptions options;
  options.listeners.push_back({.name = "door", .bind = at("0.0.0.0"), .advertise = {}, .advertise_to = {}});
  options.pbx.addresses = {pbx};
  options.pbx.bind = at("0.0.0.0");
  return options;
}

std::shared_ptr<const acl::Policy> open_policy() {
  auto compiled = acl::Policy::compile({}, {});
  return std::get<std::shared_ptr<const acl::Policy>>(compiled);
}

class WorkerTest : public testing::Test {
 protected:
  std::unique_ptr<Worker> make(const sbc::EngineOptions& options) {
    return std::make_unique<Worker>(io_, options, open_policy(), sbc::Secrets{}, events_);
  }
  std::string refusal(const sbc::EngineOptions& options) {
    try {
      make(options);
    } catch (const StartError& error) {
      return error.what();
    }
    return "";
  }
  /// Runs the loop until `done` holds; false if it never does.
  bool run_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      io_.run_one_for(std::chrono::milliseconds(100));
    }
    return true;
  }
  static std::uint64_t count(const Worker& worker, Outcome outcome) { return worker.metrics().outcomes[static_cast<std::size_t>(outcome)]; }
  static void send(UdpSocket& from, const Endpoint& to, std::string bytes) {
    sbc::Outgoing datagram;
    datagram.flow.peer = to;
    datagram.bytes = std::move(bytes);
    const sbc::Outgoing* pointer = &datagram;
    from.send({&pointer, 1});
  }

  boost::asio::io_context io_{1};
  Silent events_;
  UdpSocket pbx_{at("127.0.0.1")};
  UdpSocket phone_{at("127.0.0.1")};
};

std::string request(const UdpSocket& phone, const std::string& method) {
  return method + " sip:1001@sbc.test SIP/2.0\r\nVia: SIP/2.0/UDP " + phone.bound().to_string() +
         ";rport;branch=z9hG4bKabc\r\nMax-Forwards: 70\r\nFrom: <sip:1001@sbc.test>;tag=a\r\nTo: <sip:1001@sbc.test>\r\n"
         "Call-ID: worker-test\r\nCSeq: 1 " +
         method + "\r\nUser-Agent: long enough for an answer that is no larger\r\nContent-Length: 0\r\n\r\n";
}

TEST_F(WorkerTest, FillsInWhatTheKernelChose) {
  sbc::EngineOptions options = options_toward(pbx_.bound());
  const auto worker = make(options);
  EXPECT_NE(worker->options().listeners[0].bind.port, 0);
  EXPECT_EQ(worker->core().address, at("127.0.0.1").address);
  EXPECT_NE(worker->core().port, 0);
}

TEST_F(WorkerTest, ForwardsFromTheListenerToThePbx) {
  const auto worker = make(options_toward(pbx_.bound()));
  worker->start();
  send(phone_, at("127.0.0.1", worker->options().listeners[0].bind.port), request(phone_, "OPTIONS"));
  ReceiveBatch batch;
  ASSERT_TRUE(run_until([&] { return pbx_.receive(batch) != 0; }));
  EXPECT_THAT(std::string(batch.items()[0].bytes), HasSubstr("Call-ID: worker-test"));
  EXPECT_EQ(batch.items()[0].peer, worker->core());
  EXPECT_EQ(count(*worker, Outcome::forwarded), 1U);
  const sbc::Histogram forward = worker->shell_metrics().forward;
  EXPECT_EQ(std::accumulate(forward.buckets.begin(), forward.buckets.end(), std::uint64_t{0}), 1U);
  worker->stop();
}

TEST_F(WorkerTest, RunsTheEnginesTimers) {
  sbc::EngineOptions options = options_toward(pbx_.bound());
  options.pbx.timeout = std::chrono::milliseconds{50};
  const auto worker = make(options);
  worker->start();
  send(phone_, at("127.0.0.1", worker->options().listeners[0].bind.port), request(phone_, "INVITE"));
  ReceiveBatch batch;
  // The PBX stays silent: the phone is told so.
  ASSERT_TRUE(run_until([&] { return phone_.receive(batch) != 0; }));
  EXPECT_THAT(std::string(batch.items()[0].bytes), HasSubstr("SIP/2.0 408 "));
  worker->stop();
}

TEST_F(WorkerTest, StopHandlesWhatHasCome) {
  const auto worker = make(options_toward(pbx_.bound()));
  worker->start();
  constexpr std::uint64_t sent = ReceiveBatch::capacity + 10;
  for (std::uint64_t i = 0; i < sent; ++i) send(phone_, at("127.0.0.1", worker->options().listeners[0].bind.port), "\r\n\r\n");
  worker->stop();
  EXPECT_EQ(count(*worker, Outcome::keep_alive), sent);
  EXPECT_FALSE(worker->running());
  EXPECT_TRUE(run_until([&] { return io_.run_one_for(std::chrono::milliseconds(1)) == 0; })) << "something is still waited for";
}

TEST_F(WorkerTest, NamesTheListenerWhosePortIsTaken) {
  sbc::EngineOptions options = options_toward(pbx_.bound());
  options.listeners[0].bind = phone_.bound();
  EXPECT_THAT(refusal(options), HasSubstr("listener door: cannot listen on udp " + phone_.bound().to_string()));
  EXPECT_THAT(refusal(options), HasSubstr("choose another port"));
}

TEST_F(WorkerTest, NamesAnAddressThatIsNotOurs) {
  sbc::EngineOptions options = options_toward(pbx_.bound());
  options.listeners[0].bind = at("192.0.2.1", 5060);
  EXPECT_THAT(refusal(options), HasSubstr("does not have the address"));
}

TEST_F(WorkerTest, RefusesAPbxOfBothFamilies) {
  sbc::EngineOptions options = options_toward(pbx_.bound());
  options.pbx.addresses.push_back(at("2001:db8::5", 5060));
  EXPECT_THAT(refusal(options), HasSubstr("in one family"));
}

}  // namespace
}  // namespace postern::net
