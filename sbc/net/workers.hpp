// All workers: the first on the main thread, each other one on a thread of its own.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "acl/policy.hpp"
#include "sbc/engine.hpp"
#include "sbc/net/state_store.hpp"
#include "sbc/net/waiting_notes.hpp"
#include "sbc/net/worker.hpp"
#include "sbc/setup.hpp"

namespace postern::net {

/// What the main thread does about a worker that does not come to what it is asked: it has packets of its own to handle.
struct StuckWorker {
  std::chrono::milliseconds patience{5'000};
  std::function<void(std::size_t worker)> tell = [](std::size_t) {};
};

/// Called from the main thread alone, which runs `io`. What happens at one worker and matters to others is posted to these (sbc::Fellows).
class Workers {
 public:
  /// `options.pbx.workers` of them, with all their ports. Worker i has the core port of the first one plus i. Throws StartError. `io` and
  /// `events` must outlive it.
  Workers(boost::asio::io_context& io, sbc::EngineOptions options, const std::shared_ptr<const acl::Policy>& policy,
          const sbc::Secrets& secrets, sbc::EventSink& events, StuckWorker stuck = {});
  /// Threads have ended by then or do now, and nothing more is handled: stop() comes first, unless something has been thrown.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const Worker& first() const;
  /// What is one for all of them.
  [[nodiscard]] sbc::Shared& shared() const { return *shared_; }
  /// For that worker.
  [[nodiscard]] const WaitingNotes& waiting(std::size_t index) const;
  /// What the PBX sees, each of the core addresses.
  [[nodiscard]] std::vector<sbc::Endpoint> core() const;

  /// Each takes back what concerns it, and has `store` keep what changes from now on, and `kernel` hear of bans. Before start(), at most
  /// once.
  void remember(StateStore& store, KernelBans& kernel, const sbc::DurableState& kept);
  void start();
  /// Each handles what it has received already; the threads end.
  void stop();
  /// `io` has returned: throws what one of the threads has thrown, as that stops `io`.
  void rethrow() const;
  [[nodiscard]] bool running() const { return running_; }

  /// All take over another configuration while none handles a packet, or none does: throws StartError, and then nothing has changed (a
  /// worker is stuck, say). One setup for each; returns what held before.
  std::vector<sbc::Setup> reload(std::vector<sbc::Setup> setups);
  /// Worker::close_drained() of all of them. Called by a timer of its own, as long as there is something to close.
  void close_drained(acl::TimePoint now);
  void set_token_keys(const sbc::Secrets& secrets);
  void set_passes(const std::shared_ptr<const acl::TravelPasses>& passes);
  void set_switches(const std::shared_ptr<const sbc::Switches>& switches);
  void set_hep(const std::optional<sbc::Endpoint>& server);

  using Look = std::function<void(Worker&)>;
  /// Hears which workers do not answer: none of them has called, or will call, `look`.
  using Asked = std::function<void(const std::vector<std::size_t>& missing)>;
  /// Calls `look` on each worker's thread, between two packets, and `done` on this one once all have been asked, or patience is at an end.
  /// A worker that is stuck is told of once, and not asked again until it has come to what it was asked.
  void ask(Look look, Asked done);
  /// Calls `look` on that worker's thread, between two packets, and waits for it: for the turn that it is in, no longer. False: there is no
  /// such worker, or it is stuck.
  bool look_at(std::size_t index, const std::function<void(Worker&)>& look);

 private:
  struct Member;
  class Company;
  class Halt;
  struct Asking;

  [[nodiscard]] std::vector<Worker::Prepared> prepare(std::vector<sbc::Setup> setups);
  void run(std::size_t index);
  void join();
  void end_patience(const std::shared_ptr<Asking>& asking);
  void arm_closing_timer();
  void wait_to_close();

  std::shared_ptr<sbc::Shared> shared_;
  std::vector<std::unique_ptr<Member>> members_;
  boost::asio::steady_timer closing_timer_;
  StuckWorker stuck_;
  bool running_ = false;
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;  ///< what the first of them has thrown, which is who writes it
  bool threads_run_ = false;    ///< for good, once they do: all threads read it
};

}  // namespace postern::net
