#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <string>

#include "tests/sbc_net/worker_support.hpp"

namespace postern::net {
namespace {

using testing::HasSubstr;

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
  const sbc::Histogram forward = worker->counts().forward;
  EXPECT_EQ(std::accumulate(forward.buckets.begin(), forward.buckets.end(), std::uint64_t{0}), 1U);
  worker->stop();
}

/// Whatever brings another worker's source here, a broadcast or a socket that the kernel does not steer to, must not give it two limits.
TEST_F(WorkerTest, HandlesNoPacketOfAnothersSource) {
  const WorkerPlace place{0, Steering(2, 1)};
  const auto worker = std::make_unique<Worker>(io_, options_toward(pbx_.bound()), open_policy(), sbc::Secrets{}, events_, place);
  worker->start();
  std::uint64_t ours = 0;
  constexpr int sources = 20;
  for (int i = 1; i <= sources; ++i) {
    UdpSocket phone(at(("127.0.5." + std::to_string(i)).c_str()));
    if (place.steering.worker_of(phone.bound().address) == 0) ++ours;
    send(phone, at("127.0.0.1", worker->options().listeners[0].bind.port), request(phone, "OPTIONS"));
  }
  EXPECT_TRUE(run_until([&] { return count(*worker, Outcome::forwarded) + worker->counts().receive_misplaced == sources; }));
  EXPECT_EQ(count(*worker, Outcome::forwarded), ours);
  EXPECT_THAT(ours, testing::AllOf(testing::Gt(0U), testing::Lt(sources)));
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
