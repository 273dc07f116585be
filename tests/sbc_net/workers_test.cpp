#include "sbc/net/workers.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tests/sbc_net/worker_support.hpp"

namespace postern::net {
namespace {

using testing::HasSubstr;

class WorkersTest : public WorkerTest {
 protected:
  explicit WorkersTest(std::uint16_t workers = 2, const StuckWorker& stuck = {}) {
    options_ = options_toward(pbx_.bound());
    options_.listeners[0].bind = at("127.0.0.1");
    options_.pbx.workers = workers;
    options_.pbx.health_check.reset();
    // The port behind one that the kernel chose may be another program's.
    for (int tries = 0; tries < 20 && !workers_; ++tries) {
      try {
        workers_.emplace(io_, options_, open_policy(), sbc::Secrets{}, events_, stuck);
      } catch (const StartError&) {
      }
    }
    workers_.value().start();
  }
  ~WorkersTest() override { workers_->stop(); }
  WorkersTest(const WorkersTest&) = delete;
  WorkersTest& operator=(const WorkersTest&) = delete;

  [[nodiscard]] Endpoint listener() const { return workers_->first().options().listeners[0].bind; }
  std::vector<std::uint64_t> counts(Outcome outcome) {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < workers_->size(); ++i) {
      workers_->look_at(i, [&](const Worker& worker) { all.push_back(count(worker, outcome)); });
    }
    return all;
  }
  void reload(const sbc::EngineOptions& wanted) {
    workers_->reload(std::vector<sbc::Setup>(workers_->size(), sbc::Setup(wanted, open_policy())));
  }

  sbc::EngineOptions options_;
  std::optional<Workers> workers_;
};

TEST_F(WorkersTest, EachSendsFromItsOwnPort) {
  const std::vector<Endpoint> core = workers_->core();
  ASSERT_EQ(core.size(), 2U);
  EXPECT_EQ(core[1].port, core[0].port + 1);
  std::vector<Endpoint> seen;
  ReceiveBatch batch;
  for (int i = 1; i <= 30; ++i) {
    UdpSocket phone(at(("127.0.5." + std::to_string(i)).c_str()));
    send(phone, listener(), request(phone, "OPTIONS"));
    ASSERT_TRUE(run_until([&] {
      if (pbx_.receive(batch) == 0) return false;
      for (const auto& item : batch.items()) seen.push_back(item.peer);
      return true;
    }));
  }
  EXPECT_GT(std::ranges::count(seen, core[0]), 3);
  EXPECT_GT(std::ranges::count(seen, core[1]), 3);
  const auto forwarded = counts(Outcome::forwarded);
  EXPECT_EQ(forwarded[0] + forwarded[1], 30U);
  EXPECT_EQ(forwarded[0], static_cast<std::uint64_t>(std::ranges::count(seen, core[0])));
}

TEST_F(WorkersTest, AskHearsAllOnTheirOwnThreads) {
  std::vector<std::uint16_t> asked(2, 99);
  bool done = false;
  workers_->ask([&](const Worker& worker) { asked[worker.options().pbx.worker] = worker.options().pbx.worker; },
                [&](const std::vector<std::size_t>& missing) { done = missing.empty(); });
  EXPECT_TRUE(run_until([&] { return done; }));
  EXPECT_EQ(asked, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_FALSE(workers_->look_at(2, [](const Worker&) {}));
}

TEST_F(WorkersTest, AReloadThatOneCannotFollowChangesNothing) {
  const UdpSocket taken(at("127.0.0.1"));
  sbc::EngineOptions wanted = options_;
  wanted.listeners.push_back({.name = "new", .bind = at("127.0.0.2"), .advertise = {}, .advertise_to = {}});
  wanted.listeners.push_back({.name = "taken", .bind = taken.bound(), .advertise = {}, .advertise_to = {}});
  EXPECT_THROW(reload(wanted), StartError);
  const auto listeners_of = [&](std::size_t index) {
    std::size_t listeners = 0;
    workers_->look_at(index, [&](const Worker& worker) { listeners = worker.options().listeners.size(); });
    return listeners;
  };
  EXPECT_EQ(listeners_of(0), 1U);
  EXPECT_EQ(listeners_of(1), 1U);
  wanted.listeners.pop_back();
  reload(wanted);
  EXPECT_EQ(listeners_of(0), 2U);
  EXPECT_EQ(listeners_of(1), 2U);
  Endpoint first;
  Endpoint second;
  workers_->look_at(0, [&](const Worker& worker) { first = worker.options().listeners[1].bind; });
  workers_->look_at(1, [&](const Worker& worker) { second = worker.options().listeners[1].bind; });
  EXPECT_EQ(first, second);
}

/// It was std::terminate without a word.
TEST_F(WorkersTest, WhatAWorkersThreadThrowsStopsTheMainOne) {
  workers_->ask(
      [](const Worker& worker) {
        if (worker.options().pbx.worker == 1) throw std::runtime_error("no memory");
      },
      [](const std::vector<std::size_t>&) {});
  ASSERT_TRUE(run_until([&] { return io_.stopped(); }));
  try {
    workers_->rethrow();
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "no memory");
  }
}

class StuckWorkerTest : public WorkersTest {
 protected:
  StuckWorkerTest()
      : WorkersTest(2, {.patience = std::chrono::milliseconds{50}, .tell = [this](std::size_t worker) { told_.push_back(worker); }}) {}
  ~StuckWorkerTest() override { release_->release(); }
  StuckWorkerTest(const StuckWorkerTest&) = delete;
  StuckWorkerTest& operator=(const StuckWorkerTest&) = delete;

  void hold_up() {
    workers_->ask(
        [release = release_, held = held_](const Worker& worker) {
          if (worker.options().pbx.worker != 1) return;
          held->release();
          release->acquire();
        },
        [](const std::vector<std::size_t>&) {});
    held_->acquire();
  }

  std::shared_ptr<std::counting_semaphore<2>> release_ = std::make_shared<std::counting_semaphore<2>>(0);
  std::shared_ptr<std::binary_semaphore> held_ = std::make_shared<std::binary_semaphore>(0);
  std::vector<std::size_t> told_;
};

/// The main thread, which is the first worker's, waited for ever.
TEST_F(StuckWorkerTest, IsNotWaitedForForEver) {
  hold_up();
  bool looked = false;
  EXPECT_FALSE(workers_->look_at(1, [&](const Worker&) { looked = true; }));
  EXPECT_THROW(reload(options_), StartError);
  workers_->close_drained(acl::Clock::now());
  EXPECT_EQ(told_, (std::vector<std::size_t>{1, 1, 1}));
  release_->release();
  EXPECT_TRUE(run_until([&] { return workers_->look_at(1, [](const Worker&) {}); })) << "it does not wait for a meeting that is over";
  EXPECT_FALSE(looked) << "for whom nobody waits any longer";
}

/// Whoever asked waited for ever, with the connection that it was to answer.
TEST_F(StuckWorkerTest, WhoAsksAllHearsWhichDoesNotAnswer) {
  hold_up();
  std::array<std::atomic<int>, 2> looked{};  // by worker: each counts on its own thread
  std::vector<std::vector<std::size_t>> missing;
  const auto held = std::make_shared<int>();
  const auto ask = [&] {
    workers_->ask([&looked, held](const Worker& worker) { ++looked.at(worker.options().pbx.worker); },
                  [&missing, held](const std::vector<std::size_t>& others) { missing.push_back(others); });
  };
  ask();
  EXPECT_TRUE(run_until([&] { return missing.size() == 1; }));
  EXPECT_EQ(held.use_count(), 1) << "what the question holds is free though the stuck worker has it still in its queue";
  ask();
  EXPECT_TRUE(run_until([&] { return missing.size() == 2; }));
  EXPECT_THAT(missing, testing::Each(testing::ElementsAre(1)));
  EXPECT_EQ(told_, (std::vector<std::size_t>{1})) << "told once";
  EXPECT_EQ(looked[0], 2);
  EXPECT_EQ(looked[1], 0);
  release_->release();
  EXPECT_TRUE(run_until([&] {
    ask();
    const std::size_t asked = missing.size();
    return run_until([&] { return missing.size() > asked; }) && missing.back().empty();
  })) << "it is asked again once it has come to what it was asked";
}

/// From now on the kernel refuses this thread one option of sockets.
bool refuse_option(std::uint32_t option) {
  const auto code = [](unsigned bits) { return static_cast<std::uint16_t>(bits); };
  constexpr std::uint32_t option_argument = offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t);  // its low half: of a little-endian
  std::array program{
      sock_filter{code(BPF_LD | BPF_W | BPF_ABS), 0, 0, offsetof(seccomp_data, nr)},
      sock_filter{code(BPF_JMP | BPF_JEQ | BPF_K), 0, 3, __NR_setsockopt},
      sock_filter{code(BPF_LD | BPF_W | BPF_ABS), 0, 0, option_argument},
      sock_filter{code(BPF_JMP | BPF_JEQ | BPF_K), 0, 1, option},
      sock_filter{code(BPF_RET | BPF_K), 0, 0, SECCOMP_RET_ERRNO | ENOMEM},
      sock_filter{code(BPF_RET | BPF_K), 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// It ended the daemon: nobody caught what attach() threw.
TEST_F(WorkersTest, ASteeringThatTheKernelRefusesIsARefusedReload) {
  for (const sbc::Transport transport : {sbc::Transport::udp, sbc::Transport::tcp}) {
    sbc::EngineOptions wanted = options_;
    wanted.listeners.push_back({.name = "new", .transport = transport, .bind = at("127.0.0.2"), .advertise = {}, .advertise_to = {}});
    std::string told;
    std::thread([&] {
      if (!refuse_option(SO_ATTACH_REUSEPORT_CBPF)) return;
      try {
        reload(wanted);
      } catch (const StartError& error) {
        told = error.key() + ": " + error.what();
      }
    }).join();
    EXPECT_THAT(told, HasSubstr("listeners[1]: listener new: cannot listen on"));
    workers_->look_at(1, [&](const Worker& worker) { EXPECT_EQ(worker.options().listeners.size(), 1U); });
  }
  sbc::EngineOptions wanted = options_;
  wanted.listeners.push_back({.name = "new", .bind = at("127.0.0.2"), .advertise = {}, .advertise_to = {}});
  EXPECT_NO_THROW(reload(wanted));
}

/// A listener that is taken away while some of the workers still wait for answers, and brought back. Each worker used to close its socket
/// by itself: the port was then another program's to the next reload, or its sockets stood in another order than the workers.
class WorkersDrainTest : public WorkersTest, public testing::WithParamInterface<std::uint16_t> {
 protected:
  WorkersDrainTest() : WorkersTest(GetParam()) {
    more_ = {.name = "more", .bind = UdpSocket(at("127.0.0.1")).bound(), .advertise = {}, .advertise_to = {}};
    options_.listeners[0].bind = listener();
    reload(with_more());
    for (int i = 1; i < 100 && phones_.size() < GetParam(); ++i) {
      auto phone = std::make_unique<UdpSocket>(at(("127.0.6." + std::to_string(i)).c_str()));
      const int worker = worker_of(*phone, listener());
      phones_.try_emplace(worker, std::move(phone));
    }
  }

  [[nodiscard]] sbc::EngineOptions with_more() const {
    sbc::EngineOptions wanted = options_;
    wanted.listeners.push_back(more_);
    return wanted;
  }
  std::string fresh(const UdpSocket& phone, const std::string& method) {
    std::string text = request(phone, method);
    const std::string own = "drain-" + std::to_string(++asked_);
    text.replace(text.find("worker-test"), std::string("worker-test").size(), own);
    return text.replace(text.find("z9hG4bKabc"), std::string("z9hG4bKabc").size(), "z9hG4bK" + own);
  }
  /// The request as the PBX gets it, and from where.
  std::pair<std::string, Endpoint> ask(UdpSocket& phone, const Endpoint& at_listener, const std::string& method) {
    send(phone, at_listener, fresh(phone, method));
    const std::string mark = "Call-ID: drain-" + std::to_string(asked_) + "\r\n";
    std::pair<std::string, Endpoint> seen;
    ReceiveBatch batch;
    EXPECT_TRUE(run_until([&] {
      pbx_.receive(batch);
      for (const auto& item : batch.items()) {
        if (item.bytes.find(mark) != std::string_view::npos) seen = {std::string(item.bytes), item.peer};
      }
      return !seen.first.empty();
    })) << method;
    return seen;
  }
  int worker_of(UdpSocket& phone, const Endpoint& at_listener) {
    return ask(phone, at_listener, "OPTIONS").second.port - workers_->core().front().port;
  }
  void answer(const std::pair<std::string, Endpoint>& request, const std::string& status) {
    send(pbx_, request.second, "SIP/2.0 " + status + request.first.substr(request.first.find("\r\n")));
  }
  void expect_each_at_its_worker() {
    for (const auto& [worker, phone] : phones_) EXPECT_EQ(worker_of(*phone, more_.bind), worker);
  }
  void close_drained(std::chrono::seconds later) { workers_->close_drained(acl::Clock::now() + later); }
  /// That all workers have a socket at its port, each the one for its sources: what they hear is refused.
  void expect_all_hear_the_one_that_closes() {
    std::vector<std::uint64_t> wanted = counts(Outcome::listener_gone);
    for (const auto& [worker, phone] : phones_) {
      send(*phone, more_.bind, fresh(*phone, "OPTIONS"));
      ++wanted[static_cast<std::size_t>(worker)];
    }
    EXPECT_TRUE(run_until([&] { return counts(Outcome::listener_gone) == wanted; }));
  }

  sbc::ListenerOptions more_;
  std::map<int, std::unique_ptr<UdpSocket>> phones_;  ///< by worker, one each
  int asked_ = 0;
};

TEST_P(WorkersDrainTest, ClosesWhenNoneOfThemWaitsForAnAnswer) {
  const auto invite = ask(*phones_.at(GetParam() - 1), more_.bind, "INVITE");
  reload(options_);
  close_drained(Worker::drain);
  expect_all_hear_the_one_that_closes();
  answer(invite, "486 Busy Here");
  ReceiveBatch batch;
  ASSERT_TRUE(run_until([&] { return phones_.at(GetParam() - 1)->receive(batch) != 0; }));
  close_drained(Worker::drain);
  EXPECT_NO_THROW(UdpSocket{more_.bind}) << "still open";
}

TEST_P(WorkersDrainTest, ComesBackWhileSomeStillWait) {
  // the last, and every other one before it: of two the first is done, of three the second
  for (int worker = GetParam() - 1; worker >= 0; worker -= 2) ask(*phones_.at(worker), more_.bind, "INVITE");
  for (int turn = 0; turn < 2; ++turn) {
    reload(options_);
    close_drained(Worker::drain);
    ASSERT_NO_THROW(reload(with_more()));
    expect_each_at_its_worker();
  }
}

TEST_P(WorkersDrainTest, ComesBackWhenNoneWaitsAnyLonger) {
  ask(*phones_.at(0), more_.bind, "INVITE");
  reload(options_);
  close_drained(Worker::longest_drain);
  EXPECT_NO_THROW(UdpSocket{more_.bind}) << "still open";
  ASSERT_NO_THROW(reload(with_more()));
  expect_each_at_its_worker();
}

INSTANTIATE_TEST_SUITE_P(Several, WorkersDrainTest, testing::Values(std::uint16_t{2}, std::uint16_t{3}));

}  // namespace
}  // namespace postern::net
