// One thread's share of the work: sockets, the engine behind them, its timer.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sbc/engine.hpp"
#include "sbc/net/core_links.hpp"
#include "sbc/net/gathering.hpp"
#include "sbc/net/hep.hpp"
#include "sbc/net/metrics_page.hpp"
#include "sbc/net/state_store.hpp"
#include "sbc/net/state_teller.hpp"
#include "sbc/net/streams.hpp"
#include "sbc/net/top_sources.hpp"
#include "sbc/net/udp_socket.hpp"
#include "sbc/net/worker_place.hpp"
#include "sbc/setup.hpp"

namespace postern::net {

/// Owns the listeners' sockets, the core socket and an Engine. Everything runs on the io_context's one thread.
class Worker {
 public:
  static constexpr int batches_per_turn = 4;  ///< of one socket

  /// Binds everything; with no `pbx.bind`, or a wildcard, the core socket takes the local address of the route to the first PBX. Ports
  /// that were 0 become what the kernel chose. Throws StartError, which names the listener and what to do. `io` and `events` must
  /// outlive it. One of several (Workers) is given its place, the first one's ports, and a core port of its own.
  Worker(boost::asio::io_context& io, sbc::EngineOptions options, std::shared_ptr<const acl::Policy> policy, const sbc::Secrets& secrets,
         sbc::EventSink& events, const WorkerPlace& place = {}, sbc::Company company = {});
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes back what was kept, and has `store` keep what changes from now on, if it keeps anything, and `kernel` hear of bans. Before
  /// start(), at most once; both must outlive it.
  void remember(StateStore& store, KernelBans& kernel, sbc::DurableState kept);
  /// Tokens are sealed with another key from now on.
  void set_token_keys(const sbc::Secrets& secrets) { engine_->set_token_keys(secrets); }
  void set_passes(const std::shared_ptr<const acl::TravelPasses>& passes) { engine_->set_passes(passes); }
  void set_switches(const std::shared_ptr<const sbc::Switches>& switches) { engine_->set_switches(switches); }
  /// Messages are copied to that capture server from now on; nullopt: to none.
  void set_hep(const std::optional<sbc::Endpoint>& server) { hep_.apply(server); }

  /// What another worker tells, or hands over.
  void learn(const sbc::Note& note);
  void learn(std::span<const sbc::Note> notes);
  void take(const sbc::Flow& flow, std::string_view bytes);
  /// Handles what has come already: a turn of it. Who asks then what was counted hears of what was sent before.
  void catch_up();

  void start();
  /// Handles what has been received already (a bounded amount of it), then leaves the io_context nothing to wait for.
  void stop();
  [[nodiscard]] bool running() const { return running_; }

  struct Change;
  struct DeleteChange {
    void operator()(Change* change) const;
  };
  using Prepared = std::unique_ptr<Change, DeleteChange>;
  /// Opens what another configuration adds, and whatever else may fail of it. Throws StartError. Nothing has changed until commit().
  [[nodiscard]] Prepared prepare(sbc::Setup setup);
  /// By slot, with the ports that the kernel chose.
  [[nodiscard]] static const std::vector<sbc::ListenerOptions>& listeners_of(const Change& change);
  /// Takes it over between two packets: handles what has come to listeners that it takes away, and lets these end what is under way
  /// (close_drained()). Returns what held before, so that another thread may free it.
  sbc::Setup commit(Change& change);
  /// Closes the listeners that were taken away at least `drain` ago and have no request unanswered, and those taken away `longest_drain`
  /// ago in any case, with their connections. `all` workers of the process, which close a listener together: their sockets at its port are
  /// one group, and where one is missing others hear what is not for them. None of them is at work meanwhile.
  static void close_drained(const std::vector<Worker*>& all, acl::TimePoint now);
  /// There is something for close_drained() to wait for.
  [[nodiscard]] bool is_closing() const;
  static constexpr std::chrono::seconds drain{32}, longest_drain{240};

  /// As given, with the addresses and ports that are bound in fact.
  [[nodiscard]] const sbc::EngineOptions& options() const { return options_; }
  /// What the PBX sees.
  [[nodiscard]] const sbc::Endpoint& core() const { return *options_.pbx.bind; }
  /// Of the smallest UDP socket, in bytes; nullopt: there is none.
  [[nodiscard]] std::optional<int> receive_buffer() const;

  /// To look into.
  [[nodiscard]] const sbc::Engine& engine() const { return *engine_; }
  [[nodiscard]] sbc::Engine& engine() { return *engine_; }
  [[nodiscard]] const sbc::Metrics& metrics() const { return engine_->metrics(); }
  [[nodiscard]] sbc::Gauges gauges() const { return engine_->gauges(); }
  [[nodiscard]] WorkerCounts counts() const;
  [[nodiscard]] const TopSources& sources() const { return sources_; }
  [[nodiscard]] std::vector<CertificateEnd> certificates() const { return streams_->certificates(); }

 private:
  struct Port;
  class StreamSide;
  using Ports = std::vector<std::shared_ptr<Port>>;

  [[nodiscard]] std::shared_ptr<Port> open_listener(const sbc::ListenerOptions& listener, std::uint8_t slot, const std::string& key);
  [[nodiscard]] Ports open_listeners(std::vector<sbc::ListenerOptions>& slots, const std::vector<sbc::ListenerOptions>& wanted);
  void open_core();
  void check_core(const sbc::PbxOptions& pbx) const;
  void swap_ports(Ports next);
  void drain_received(Port& port);
  void close_those_in_the_way();
  void close(Port& port);
  [[nodiscard]] bool is_drained(std::size_t slot, acl::TimePoint now) const;
  void wait_readable(const std::shared_ptr<Port>& port);
  void wait_writable(const std::shared_ptr<Port>& port);
  /// Reads it, and naps, as Gathering says: under a flood several times.
  void read_gathered(Port& port);
  /// Returns how many datagrams were read.
  std::size_t on_readable(Port& port);
  std::size_t handle_batch(Port& port);
  void on_timer();
  void arm_timer();
  void flush();
  void send_pending(const std::shared_ptr<Port>& port);
  void tick_store();
  void apply_streams(Streams::Plan plan);
  void close_drained_streams(acl::TimePoint now);
  void on_handled(acl::TimePoint received);
  void on_learned();
  void end_turn();
  /// Our end of it, with its port.
  [[nodiscard]] sbc::Endpoint local_end(const sbc::Flow& flow) const;

  boost::asio::io_context& io_;
  WorkerPlace place_;
  sbc::EngineOptions options_;
  Ports listeners_;             ///< by slot; nullptr: closed
  std::shared_ptr<Port> core_;  ///< nullptr: core_links_ are there
  std::unique_ptr<sbc::Engine> engine_;
  ReceiveBatch batch_;
  Gathering gathering_;
  sbc::Outbox outbox_;
  HepMirror hep_;
  boost::asio::steady_timer timer_;
  std::optional<acl::TimePoint> armed_;
  std::unique_ptr<StateTeller> teller_;  ///< nullptr: before remember(), if ever
  boost::asio::steady_timer store_timer_;
  sbc::Histogram forward_;
  std::uint64_t sent_ = 0;  ///< datagrams and messages that handling caused
  TopSources sources_;
  acl::NetworkSet trusted_;
  std::unique_ptr<StreamSide> stream_side_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<CoreLinks> core_links_;                      ///< nullptr: the PBX is reached over UDP
  std::map<std::uint8_t, acl::TimePoint> streams_taken_away_;  ///< slots whose connections may live on for a while
  UdpCounters closed_;                                         ///< of sockets that are closed
  std::uint64_t undeliverable_ = 0;                            ///< datagrams whose listener is closed
  std::uint64_t misplaced_ = 0;                                ///< datagrams of sources that are another worker's
  bool running_ = false;
};

}  // namespace postern::net
