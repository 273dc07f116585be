#include "sbc/net/worker.hpp"

#include <algorithm>
#include <bitset>
#include <chrono>
#include <climits>
#include <utility>

#include "sbc/net/host_addresses.hpp"
#include "sbc/net/worker_port.hpp"
#include "sbc/net/worker_streams.hpp"

namespace postern::net {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

constexpr int batches_at_once = 64;

/// What the engine will look up for a batch's datagrams is fetched before it is asked for.
class LookAhead {
 public:
  LookAhead(sbc::Engine& engine, std::span<const ReceiveBatch::Item> items) : engine_(engine), items_(items) {
    for (const ReceiveBatch::Item& item : items_) engine_.expect(item.peer.address);
    for (std::size_t i = 0; i < items_.size(); ++i) unfetched_[i] = engine_.expect_soon(items_[i].peer.address);
    for (std::size_t i = 0; i < distance; ++i) expect_next(i);
  }
  /// The datagram at `index` is handled next.
  void from(std::size_t index) const { expect_next(index + distance); }

 private:
  static constexpr std::size_t distance = 8;

  void expect_next(std::size_t index) const {
    if (index < items_.size() && unfetched_[index]) engine_.expect_next(items_[index].peer.address);
  }

  sbc::Engine& engine_;
  std::span<const ReceiveBatch::Item> items_;
  std::bitset<ReceiveBatch::capacity> unfetched_;
};

}  // namespace

Worker::Worker(boost::asio::io_context& io, sbc::EngineOptions options, std::shared_ptr<const acl::Policy> policy,
               const sbc::Secrets& secrets, sbc::EventSink& events, const WorkerPlace& place, sbc::Company company)
    : io_(io),
      place_(place),
      options_(std::move(options)),
      timer_(io),
      store_timer_(io),
      sources_(secrets.table_seed + 13, acl::Clock::now()) {
  const std::vector<sbc::ListenerOptions> wanted = options_.listeners;
  stream_side_ = std::make_unique<StreamSide>(*this);
  streams_ = std::make_unique<Streams>(io_, *stream_side_, StreamTimes{}, place_);
  Streams::Plan streams = streams_->open(options_.listeners, wanted);
  listeners_ = open_listeners(options_.listeners, wanted);
  open_core();
  options_.never_banned = own_and_gateway_addresses();
  engine_ = std::make_unique<sbc::Engine>(options_, std::move(policy), secrets, events, std::move(company));
  apply_streams(std::move(streams));
}

Worker::~Worker() = default;

void Worker::remember(StateStore& store, KernelBans& kernel, sbc::DurableState kept) {
  engine_->restore(std::move(kept), acl::Clock::now());
  teller_ = std::make_unique<StateTeller>(store, &kernel);
  teller_->apply(options_.listeners);
  engine_->tell(*teller_);
}

void Worker::learn(const sbc::Note& note) {
  engine_->learn(note, acl::Clock::now());
  on_learned();
}

void Worker::learn(std::span<const sbc::Note> notes) {
  const acl::TimePoint now = acl::Clock::now();
  for (const sbc::Note& note : notes) engine_->learn(note, now);
  on_learned();
}

void Worker::on_learned() {
  if (teller_ != nullptr) teller_->commit();
  if (running_) arm_timer();
}

void Worker::take(const sbc::Flow& flow, std::string_view bytes) {
  const acl::TimePoint now = acl::Clock::now();
  engine_->handle({bytes, flow}, now, outbox_);
  on_handled(now);
  if (running_) arm_timer();
}

/// Prolongations may wait for it, and are lost by a kill until then.
void Worker::tick_store() {
  store_timer_.expires_after(teller_->tick(*engine_, acl::Clock::now()));
  store_timer_.async_wait([this](error_code error) {
    if (!error && running_) tick_store();
  });
}

void Worker::catch_up() {
  if (core_ != nullptr) on_readable(*core_);
  const Ports ports = listeners_;
  for (const auto& port : ports) {
    if (port != nullptr && !port->closed) on_readable(*port);
  }
  if (running_) arm_timer();
}

void Worker::start() {
  running_ = true;
  if (teller_ != nullptr) tick_store();
  for (const auto& port : listeners_) {
    if (port == nullptr) continue;
    port->socket.complete();
    wait_readable(port);
  }
  if (core_ != nullptr) wait_readable(core_);
  streams_->start();
  if (core_links_ != nullptr) core_links_->start();
  arm_timer();
}

void Worker::stop() {
  if (!running_) return;
  running_ = false;
  Ports ports = listeners_;
  ports.push_back(core_);
  std::erase(ports, nullptr);
  for (const auto& port : ports) drain_received(*port);
  for (const auto& port : ports) port->descriptor.cancel();
  if (core_links_ != nullptr) core_links_->stop();
  streams_->stop();
  timer_.cancel();
  store_timer_.cancel();
}

void Worker::drain_received(Port& port) {
  for (int i = 0; i < batches_at_once && handle_batch(port) == ReceiveBatch::capacity; ++i) {
  }
}

void Worker::wait_readable(const std::shared_ptr<Port>& port) {
  port->descriptor.async_wait(stream_descriptor::wait_read, [this, port](error_code error) {
    if (error || !running_ || port->closed) return;
    read_gathered(*port);
    arm_timer();
    wait_readable(port);
  });
}

void Worker::read_gathered(Port& port) {
  const std::uint64_t sent_before = sent_;
  for (int turns = 1;; ++turns) {
    const acl::TimePoint begin = acl::Clock::now();
    const std::size_t received = on_readable(port);
    const acl::Duration nap = gathering_.after(received, begin, acl::Clock::now());
    if (nap == acl::Duration::zero()) return;
    rest(nap, place_.alone());
    if (!Gathering::goes_on(turns, received, sent_ != sent_before)) return;
  }
}

void Worker::wait_writable(const std::shared_ptr<Port>& port) {
  if (port->waits_writable || !running_) return;
  port->waits_writable = true;
  port->descriptor.async_wait(stream_descriptor::wait_write, [this, port](error_code error) {
    port->waits_writable = false;
    if (error || port->closed) return;
    port->socket.send_queued();
    if (port->socket.wants_write()) wait_writable(port);
  });
}

std::size_t Worker::on_readable(Port& port) {
  std::size_t received = 0;
  for (int i = 0; i < batches_per_turn; ++i) {
    const std::size_t batch = handle_batch(port);
    received += batch;
    if (batch < ReceiveBatch::capacity) break;
  }
  return received;
}

std::size_t Worker::handle_batch(Port& port) {
  const std::size_t received = port.socket.receive(batch_);
  if (received == 0) return 0;
  const acl::TimePoint now = acl::Clock::now();
  sbc::Datagram datagram;
  datagram.flow.side = port.side;
  datagram.flow.listener = port.listener;
  const std::span<const ReceiveBatch::Item> items = batch_.items();
  const bool access = port.side == sbc::Side::access;
  const LookAhead look_ahead(*engine_, access ? items : std::span<const ReceiveBatch::Item>{});
  const bool steered = !place_.alone() && access;
  const std::size_t sampled = access ? sources_.pick(items.size()) : items.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    // However it came here: what a source may do is counted at one place.
    if (steered && place_.steering.worker_of(items[i].peer.address) != place_.index) {
      ++misplaced_;
      continue;
    }
    look_ahead.from(i);
    datagram.bytes = items[i].bytes;
    datagram.flow.local = items[i].local;
    datagram.flow.peer = items[i].peer;
    const sbc::Outcome outcome = engine_->handle(datagram, now, outbox_);
    if (i == sampled) sources_.add(datagram.flow.peer.address, outcome, items.size(), now);
    if (hep_.is_on()) hep_.keep(datagram, local_end(datagram.flow), outcome, now);
  }
  on_handled(now);
  return received;
}

/// What was received at that time has been handled: what it caused takes effect. The caller arms the timer.
void Worker::on_handled(acl::TimePoint received) {
  if (teller_ != nullptr) teller_->commit();
  if (const std::size_t sent = outbox_.items().size(); sent != 0) {
    flush();
    sent_ += sent;
    forward_.observe(std::chrono::duration<double>(acl::Clock::now() - received).count(), sent);
  }
  end_turn();
}

void Worker::on_timer() {
  armed_.reset();
  engine_->advance(acl::Clock::now(), outbox_);
  if (teller_ != nullptr) teller_->commit();
  flush();
  end_turn();
  arm_timer();
}

/// A timer that stands too early is left alone: to let it fire for nothing now and then is cheaper than to set it for each packet.
void Worker::arm_timer() {
  const std::optional<acl::TimePoint> deadline = engine_->next_deadline();
  if (!deadline || (armed_ && *armed_ <= *deadline)) return;
  armed_ = deadline;
  timer_.expires_at(*deadline);
  timer_.async_wait([this](error_code error) {
    if (!error && running_) on_timer();
  });
}

void Worker::flush() {
  for (const sbc::Outgoing& datagram : outbox_.items()) {
    const bool core = datagram.flow.side == sbc::Side::core;
    if (!sbc::is_datagram(datagram.flow.transport)) {
      if (core && core_links_ != nullptr) {
        core_links_->send(datagram.flow, datagram.bytes);
      } else {
        streams_->send(datagram.flow, datagram.bytes);
      }
      continue;
    }
    Port* port = core ? core_.get() : listeners_[datagram.flow.listener].get();
    if (port != nullptr) {
      port->pending.push_back(&datagram);
    } else {
      ++undeliverable_;
    }
  }
  if (core_ != nullptr) send_pending(core_);
  for (const auto& port : listeners_) {
    if (port != nullptr) send_pending(port);
  }
}

/// Once all is on its way: nothing waits for the copies.
void Worker::end_turn() {
  if (hep_.is_on()) {
    hep_.send_kept();
    for (const sbc::Outgoing& message : outbox_.items()) hep_.sent(message, local_end(message.flow));
  }
  outbox_.clear();
}

sbc::Endpoint Worker::local_end(const sbc::Flow& flow) const {
  if (flow.side == sbc::Side::core) return core();
  return {flow.local, options_.listeners[flow.listener].bind.port};
}

void Worker::send_pending(const std::shared_ptr<Port>& port) {
  if (port->pending.empty()) return;
  port->socket.send(port->pending);
  port->pending.clear();
  if (port->socket.wants_write()) wait_writable(port);
}

std::optional<int> Worker::receive_buffer() const {
  std::optional<int> smallest;
  const auto look_at = [&](const std::shared_ptr<Port>& port) {
    if (port != nullptr) smallest = std::min(smallest.value_or(INT_MAX), port->socket.receive_buffer());
  };
  look_at(core_);
  for (const auto& port : listeners_) look_at(port);
  return smallest;
}

WorkerCounts Worker::counts() const {
  WorkerCounts out;
  out.forward = forward_;
  UdpCounters all = closed_;
  if (core_ != nullptr) all += core_->socket.counters();
  for (const auto& port : listeners_) {
    if (port != nullptr) all += port->socket.counters();
  }
  out.receive_errors = all.receive_errors;
  out.receive_truncated = all.truncated;
  out.receive_not_unicast = all.not_unicast;
  out.receive_misplaced = misplaced_;
  out.send_errors = all.send_errors + undeliverable_;
  out.send_overflows = all.send_overflows;
  out.streams = streams_->counters();
  out.hep_sent = hep_.counters().sent;
  out.hep_left_out = hep_.counters().left_out;
  out.hep_failed = hep_.counters().failed;
  return out;
}

}  // namespace postern::net
