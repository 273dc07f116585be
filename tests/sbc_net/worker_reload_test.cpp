// Another configuration for a worker that runs: sockets added, taken away, swapped for each other, and nothing lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/sbc_net/worker_support.hpp"

namespace postern::net {
namespace {

using testing::HasSubstr;

class WorkerReloadTest : public WorkerTest {
 protected:
  WorkerReloadTest() {
    options_.pbx.bind = at("127.0.0.1");
    options_.limits.per_source.reset();
    options_.listeners[0] = listener("first", "127.0.0.1");
    worker_ = make(options_);
    worker_->start();
    options_.listeners[0].bind = bound(0);
  }
  ~WorkerReloadTest() override { worker_->stop(); }
  WorkerReloadTest(const WorkerReloadTest&) = delete;
  WorkerReloadTest& operator=(const WorkerReloadTest&) = delete;

  static sbc::ListenerOptions listener(const char* name, const char* address, std::uint16_t port = 0) {
    return {.name = name, .bind = at(address, port), .advertise = {}, .advertise_to = {}};
  }
  void reload(std::vector<sbc::ListenerOptions> listeners) {
    options_.listeners = std::move(listeners);
    const auto change = worker_->prepare({options_, open_policy()});
    worker_->commit(*change);
  }
  void close_drained(acl::TimePoint now) const { Worker::close_drained({worker_.get()}, now); }
  std::string key_of_refusal(std::vector<sbc::ListenerOptions> listeners) {
    try {
      reload(std::move(listeners));
    } catch (const StartError& error) {
      return error.key();
    }
    return "";
  }
  [[nodiscard]] Endpoint bound(std::size_t slot) const { return worker_->options().listeners.at(slot).bind; }
  /// A request with a Call-ID and a branch of its own.
  std::string fresh(const std::string& own, const std::string& method = "OPTIONS") {
    std::string text = request(phone_, method);
    text.replace(text.find("worker-test"), std::string("worker-test").size(), own);
    text.replace(text.find("z9hG4bKabc"), std::string("z9hG4bKabc").size(), "z9hG4bK" + own);
    return text;
  }
  /// As the PBX gets it; nullopt: it does not.
  std::optional<std::string> asked(const Endpoint& listener, const std::string& method = "OPTIONS") {
    const std::string own = "asked-" + std::to_string(++asked_);
    send(phone_, listener, fresh(own, method));
    return next(pbx_, "Call-ID: " + own);
  }
  /// The next datagram with that in it.
  std::optional<std::string> next(UdpSocket& socket, const std::string& mark) {
    std::optional<std::string> found;
    ReceiveBatch batch;
    run_until([&] {
      socket.receive(batch);
      for (const auto& item : batch.items()) {
        if (item.bytes.find(mark) != std::string_view::npos) found = std::string(item.bytes);
      }
      return found.has_value();
    });
    return found;
  }
  void answer(const std::string& request, const char* status) {
    std::string text = "SIP/2.0 " + std::string(status) + request.substr(request.find("\r\n"));
    send(pbx_, worker_->core(), text);
  }
  static Endpoint free_port(const char* address) { return UdpSocket(at(address)).bound(); }

  sbc::EngineOptions options_ = options_toward(pbx_.bound());
  std::unique_ptr<Worker> worker_;
  sbc::ListenerOptions second_ = listener("second", "127.0.0.1", free_port("127.0.0.1").port);
  int asked_ = 0;
};

TEST_F(WorkerReloadTest, OpensWhatIsAdded) {
  reload({second_, options_.listeners[0]});
  EXPECT_TRUE(asked(second_.bind));
  EXPECT_TRUE(asked(bound(0)));
  EXPECT_EQ(worker_->options().listeners[1].name, "second") << "what is new stands behind";
}

TEST_F(WorkerReloadTest, AFailureChangesNothingAndNamesTheListener) {
  const auto before = options_.listeners[0];
  EXPECT_EQ(key_of_refusal({before, second_, listener("taken", "127.0.0.1", phone_.bound().port)}), "listeners[2]");
  EXPECT_EQ(worker_->options().listeners.size(), 1U);
  EXPECT_TRUE(asked(before.bind));
  EXPECT_NO_THROW(UdpSocket(second_.bind)) << "still open";
  EXPECT_EQ(key_of_refusal({}), "") << "an empty list closes all: the file's reader forbids it";
}

TEST_F(WorkerReloadTest, WhatIsTakenAwayEndsWhatIsUnderWay) {
  const Endpoint first = bound(0);
  const auto request = asked(first);
  ASSERT_TRUE(request);
  reload({second_});
  answer(*request, "200 OK");
  EXPECT_TRUE(next(phone_, "SIP/2.0 200 OK"));
  const auto gone = count(*worker_, Outcome::listener_gone);
  send(phone_, first, fresh("again"));
  EXPECT_TRUE(run_until([&] { return count(*worker_, Outcome::listener_gone) == gone + 1; }));

  close_drained(acl::Clock::now() + Worker::drain - std::chrono::seconds(1));
  EXPECT_THROW(UdpSocket{first}, std::system_error) << "closed too early";
  close_drained(acl::Clock::now() + Worker::drain);
  EXPECT_NO_THROW(UdpSocket{first}) << "still open";
}

TEST_F(WorkerReloadTest, WaitsForAnAnswerButNotForEver) {
  const Endpoint first = bound(0);
  ASSERT_TRUE(asked(first, "INVITE"));
  reload({second_});
  close_drained(acl::Clock::now() + Worker::drain);
  EXPECT_THROW(UdpSocket{first}, std::system_error) << "closed before the answer";
  close_drained(acl::Clock::now() + Worker::longest_drain);
  EXPECT_NO_THROW(UdpSocket{first}) << "still open";
}

TEST_F(WorkerReloadTest, WhatWasReceivedBeforeItsListenerIsTakenAwayIsHandled) {
  constexpr std::uint64_t sent = 3 * ReceiveBatch::capacity;
  for (std::uint64_t i = 0; i < sent; ++i) send(phone_, bound(0), "\r\n\r\n");
  reload({second_});
  EXPECT_EQ(count(*worker_, Outcome::keep_alive), sent);
}

TEST_F(WorkerReloadTest, ComesBackIntoItsSlot) {
  const auto first = options_.listeners[0];
  reload({second_});
  reload({second_, first});
  EXPECT_EQ(bound(0), first.bind);
  EXPECT_TRUE(asked(first.bind));
  close_drained(acl::Clock::now() + Worker::longest_drain);
  EXPECT_TRUE(asked(first.bind)) << "it is not closing any more";
  reload({second_});
  close_drained(acl::Clock::now() + Worker::drain);
  reload({second_, first});
  EXPECT_TRUE(asked(first.bind)) << "nor when it was closed meanwhile";
}

TEST_F(WorkerReloadTest, AWildcardTakesOverFromOneAddressAndBackWithoutLosingADatagram) {
  const auto first = options_.listeners[0];
  const auto wildcard = listener("all", "0.0.0.0", first.bind.port);
  std::uint64_t sent = 0;
  for (int turn = 0; turn < 10; ++turn) {
    for (int i = 0; i < 10; ++i, ++sent) send(phone_, first.bind, "\r\n\r\n");
    reload({turn % 2 == 0 ? wildcard : first});
    for (int i = 0; i < 10; ++i, ++sent) send(phone_, first.bind, "\r\n\r\n");
  }
  EXPECT_TRUE(run_until([&] { return count(*worker_, Outcome::keep_alive) == sent; }));
  EXPECT_EQ(worker_->options().listeners.size(), 1U) << "it is one slot all the time";
  EXPECT_TRUE(asked(first.bind));
}

TEST_F(WorkerReloadTest, AListenerThatIsClosingIsNotInTheWayOfAWildcard) {
  const auto first = options_.listeners[0];
  reload({second_});
  reload({second_, listener("all", "0.0.0.0", first.bind.port)});
  EXPECT_TRUE(asked(first.bind));
}

TEST_F(WorkerReloadTest, ThePbxAddressMayChangeAndItsOwnAddressMayNot) {
  UdpSocket other(at("127.0.0.1"));
  options_.pbx.addresses = {other.bound()};
  reload(options_.listeners);
  send(phone_, bound(0), fresh("to-the-other"));
  EXPECT_TRUE(next(other, "to-the-other"));
  options_.pbx.bind = at("127.0.0.2");
  EXPECT_EQ(key_of_refusal(options_.listeners), "pbx.address");
  options_.pbx.bind.reset();
  options_.pbx.addresses = {at("::1", 5060)};
  EXPECT_EQ(key_of_refusal(options_.listeners), "pbx.address");
}

}  // namespace
}  // namespace postern::net
