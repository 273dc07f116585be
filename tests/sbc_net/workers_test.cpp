#include "sbc/net/workers.hpp"

#include <algorithm>
#include <optional>
#include <system_error>
#include <vector>

#include "tests/sbc_net/worker_support.hpp"

namespace postern::net {
namespace {

class WorkersTest : public WorkerTest {
 protected:
  WorkersTest() {
    options_ = options_toward(pbx_.bound());
    options_.listeners[0].bind = at("127.0.0.1");
    options_.pbx.workers = 2;
    options_.pbx.health_check.reset();
    // The port behind one that the kernel chose may be another program's.
    for (int tries = 0; tries < 20 && !workers_; ++tries) {
      try {
        workers_.emplace(io_, options_, open_policy(), sbc::Secrets{}, events_);
      } catch (const StartError&) {
      }
    }
    workers_.value().start();
  }
  ~WorkersTest() override { workers_->stop(); }
  WorkersTest(const WorkersTest&) = delete;
  WorkersTest& operator=(const WorkersTest&) = delete;

  [[nodiscard]] Endpoint listener() const { return workers_->first().options().listeners[0].bind; }
  std::vector<std::uint64_t> forwarded() {
    std::vector<std::uint64_t> counts;
    for (std::size_t i = 0; i < workers_->size(); ++i) {
      workers_->look_at(i, [&](const Worker& worker) { counts.push_back(count(worker, Outcome::forwarded)); });
    }
    return counts;
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
  const auto counts = forwarded();
  EXPECT_EQ(counts[0] + counts[1], 30U);
  EXPECT_EQ(counts[0], static_cast<std::uint64_t>(std::ranges::count(seen, core[0])));
}

TEST_F(WorkersTest, AskHearsAllOnTheirOwnThreads) {
  std::vector<std::uint16_t> asked(2, 99);
  bool done = false;
  workers_->ask([&](const Worker& worker) { asked[worker.options().pbx.worker] = worker.options().pbx.worker; }, [&] { done = true; });
  EXPECT_TRUE(run_until([&] { return done; }));
  EXPECT_EQ(asked, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_FALSE(workers_->look_at(2, [](const Worker&) {}));
}

TEST_F(WorkersTest, AReloadThatOneCannotFollowChangesNothing) {
  const UdpSocket taken(at("127.0.0.1"));
  sbc::EngineOptions wanted = options_;
  wanted.listeners.push_back({.name = "new", .bind = at("127.0.0.2"), .advertise = {}, .advertise_to = {}});
  wanted.listeners.push_back({.name = "taken", .bind = taken.bound(), .advertise = {}, .advertise_to = {}});
  EXPECT_THROW(workers_->reload(std::vector<sbc::Setup>(2, sbc::Setup(wanted, open_policy()))), StartError);
  const auto listeners_of = [&](std::size_t index) {
    std::size_t listeners = 0;
    workers_->look_at(index, [&](const Worker& worker) { listeners = worker.options().listeners.size(); });
    return listeners;
  };
  EXPECT_EQ(listeners_of(0), 1U);
  EXPECT_EQ(listeners_of(1), 1U);
  wanted.listeners.pop_back();
  workers_->reload(std::vector<sbc::Setup>(2, sbc::Setup(wanted, open_policy())));
  EXPECT_EQ(listeners_of(0), 2U);
  EXPECT_EQ(listeners_of(1), 2U);
  Endpoint first;
  Endpoint second;
  workers_->look_at(0, [&](const Worker& worker) { first = worker.options().listeners[1].bind; });
  workers_->look_at(1, [&](const Worker& worker) { second = worker.options().listeners[1].bind; });
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace postern::net
