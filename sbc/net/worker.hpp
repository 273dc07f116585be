// One thread's share of the work: sockets, the engine behind them, its timer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sbc/engine.hpp"
#include "sbc/net/metrics_page.hpp"
#include "sbc/net/udp_socket.hpp"

namespace postern::net {

/// Owns the listeners' sockets, the core socket and an Engine. Everything runs on the io_context's one thread.
class Worker {
 public:
  /// Batches that one socket may handle before the others get their turn.
  static constexpr int batches_per_turn = 4;

  /// Binds everything; with no `pbx.bind`, or a wildcard, the core socket takes the local address of the route to the first PBX. Ports
  /// that were 0 become what the kernel chose. Throws StartError, which names the listener and what to do. `io` and `events` must
  /// outlive it.
  Worker(boost::asio::io_context& io, sbc::EngineOptions options, std::shared_ptr<const acl::Policy> policy, const sbc::Secrets& secrets,
         sbc::EventSink& events);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  /// Handles what has been received already (a bounded amount of it), then leaves the io_context nothing to wait for.
  void stop();
  [[nodiscard]] bool running() const { return running_; }

  /// As given, with the addresses and ports that are bound in fact.
  [[nodiscard]] const sbc::EngineOptions& options() const { return options_; }
  /// What the PBX sees.
  [[nodiscard]] const sbc::Endpoint& core() const;
  /// Of the smallest socket, in bytes.
  [[nodiscard]] int receive_buffer() const;

  [[nodiscard]] const sbc::Metrics& metrics() const { return engine_->metrics(); }
  [[nodiscard]] sbc::Gauges gauges() const { return engine_->gauges(); }
  [[nodiscard]] ShellMetrics shell_metrics() const;

 private:
  struct Port;

  void open_listeners();
  void open_core();
  void wait_readable(Port& port);
  void wait_writable(Port& port);
  void on_readable(Port& port);
  std::size_t handle_batch(Port& port);
  void on_timer();
  void arm_timer();
  void flush();

  boost::asio::io_context& io_;
  sbc::EngineOptions options_;
  std::vector<std::unique_ptr<Port>> ports_;  ///< the listeners in order, then the core side
  std::unique_ptr<sbc::Engine> engine_;
  ReceiveBatch batch_;
  sbc::Outbox outbox_;
  boost::asio::steady_timer timer_;
  std::optional<acl::TimePoint> armed_;
  sbc::Histogram forward_;
  bool running_ = false;
};

}  // namespace postern::net
