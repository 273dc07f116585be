#include "sbc/net/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "sbc/net/host_addresses.hpp"
#include "sbc/net/start_error.hpp"

namespace postern::net {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

constexpr int batches_at_stop = 64;

std::string advice(const std::error_code& error, const sbc::Endpoint& bind) {
  switch (error.value()) {
    case EADDRINUSE:
      return fmt::format("another program has this port (`ss -ulpn sport = :{}` shows which): stop it, or choose another port", bind.port);
    case EADDRNOTAVAIL:
      return "this host does not have the address (`ip address` shows those that it has)";
    case EACCES:
      return "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: grant it, or choose another port";
    case EAFNOSUPPORT:
      return "this host has no IPv6: remove the address, or enable IPv6";
    default:
      return "correct the address";
  }
}

UdpSocket open_socket(const std::string& what, const sbc::Endpoint& bind) {
  try {
    return UdpSocket(bind);
  } catch (const std::system_error& error) {
    throw StartError(
        fmt::format("{}: cannot listen on udp {}: {}: {}", what, bind.to_string(), error.code().message(), advice(error.code(), bind)));
  }
}

sbc::Endpoint core_address(const sbc::PbxOptions& pbx) {
  if (pbx.bind && !pbx.bind->address.is_unspecified()) return *pbx.bind;
  const std::uint16_t port = pbx.bind ? pbx.bind->port : sbc::PbxOptions::default_bind_port;
  try {
    return {local_address_toward(pbx.addresses.front()), port};
  } catch (const std::system_error& error) {
    throw StartError(fmt::format("pbx: there is no route to {}: {}: correct the address, or the host's routes",
                                 pbx.addresses.front().to_string(), error.code().message()));
  }
}

}  // namespace

struct Worker::Port {
  Port(boost::asio::io_context& io, sbc::Side on_side, std::uint8_t index, UdpSocket bound)
      : side(on_side), listener(index), socket(std::move(bound)), descriptor(io, socket.fd()) {}
  ~Port() { descriptor.release(); }  // the socket closes it
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  sbc::Side side;
  std::uint8_t listener;
  UdpSocket socket;
  stream_descriptor descriptor;
  std::vector<const sbc::Outgoing*> pending;  ///< of the outbox, during flush()
  bool waits_writable = false;
};

Worker::Worker(boost::asio::io_context& io, sbc::EngineOptions options, std::shared_ptr<const acl::Policy> policy,
               const sbc::Secrets& secrets, sbc::EventSink& events)
    : io_(io), options_(std::move(options)), timer_(io) {
  open_listeners();
  open_core();
  options_.never_banned = own_and_gateway_addresses();
  engine_ = std::make_unique<sbc::Engine>(options_, std::move(policy), secrets, events);
}

Worker::~Worker() = default;

void Worker::open_listeners() {
  for (sbc::ListenerOptions& listener : options_.listeners) {
    const std::string what = fmt::format("listener {}", listener.name);
    if (listener.transport != sbc::Transport::udp) throw StartError(fmt::format("{}: this version listens on udp only", what));
    const auto index = static_cast<std::uint8_t>(ports_.size());
    ports_.push_back(std::make_unique<Port>(io_, sbc::Side::access, index, open_socket(what, listener.bind)));
    listener.bind = ports_.back()->socket.bound();
  }
}

void Worker::open_core() {
  if (options_.pbx.transport != sbc::Transport::udp) throw StartError("pbx: this version speaks udp only to the PBX");
  const sbc::Endpoint bind = core_address(options_.pbx);
  for (const sbc::Endpoint& address : options_.pbx.addresses) {
    if (address.address.is_v4() == bind.address.is_v4()) continue;
    throw StartError(fmt::format("pbx: {} cannot be reached from {}: give all addresses of the PBX and `bind` in one family, IPv4 or IPv6",
                                 address.to_string(), bind.to_string()));
  }
  ports_.push_back(std::make_unique<Port>(io_, sbc::Side::core, std::uint8_t{0}, open_socket("pbx.bind", bind)));
  options_.pbx.bind = ports_.back()->socket.bound();
}

void Worker::start() {
  running_ = true;
  for (const auto& port : ports_) wait_readable(*port);
  arm_timer();
}

void Worker::stop() {
  if (!running_) return;
  running_ = false;
  for (const auto& port : ports_) {
    for (int i = 0; i < batches_at_stop && handle_batch(*port) == ReceiveBatch::capacity; ++i) {
    }
  }
  for (const auto& port : ports_) port->descriptor.cancel();
  timer_.cancel();
}

void Worker::wait_readable(Port& port) {
  port.descriptor.async_wait(stream_descriptor::wait_read, [this, &port](error_code error) {
    if (error || !running_) return;
    on_readable(port);
    wait_readable(port);
  });
}

void Worker::wait_writable(Port& port) {
  if (port.waits_writable || !running_) return;
  port.waits_writable = true;
  port.descriptor.async_wait(stream_descriptor::wait_write, [this, &port](error_code error) {
    port.waits_writable = false;
    if (error) return;
    port.socket.send_queued();
    if (port.socket.wants_write()) wait_writable(port);
  });
}

void Worker::on_readable(Port& port) {
  for (int i = 0; i < batches_per_turn; ++i) {
    if (handle_batch(port) < ReceiveBatch::capacity) return;
  }
}

std::size_t Worker::handle_batch(Port& port) {
  const std::size_t received = port.socket.receive(batch_);
  if (received == 0) return 0;
  const acl::TimePoint now = acl::Clock::now();
  sbc::Datagram datagram;
  datagram.flow.side = port.side;
  datagram.flow.listener = port.listener;
  for (const ReceiveBatch::Item& item : batch_.items()) {
    datagram.bytes = item.bytes;
    datagram.flow.local = item.local;
    datagram.flow.peer = item.peer;
    engine_->handle(datagram, now, outbox_);
  }
  if (const std::size_t sent = outbox_.items().size(); sent != 0) {
    flush();
    forward_.observe(std::chrono::duration<double>(acl::Clock::now() - now).count(), sent);
  }
  if (running_) arm_timer();
  return received;
}

void Worker::on_timer() {
  armed_.reset();
  engine_->advance(acl::Clock::now(), outbox_);
  flush();
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
    ports_[core ? ports_.size() - 1 : datagram.flow.listener]->pending.push_back(&datagram);
  }
  for (const auto& port : ports_) {
    if (port->pending.empty()) continue;
    port->socket.send(port->pending);
    port->pending.clear();
    if (port->socket.wants_write()) wait_writable(*port);
  }
  outbox_.clear();
}

const sbc::Endpoint& Worker::core() const { return ports_.back()->socket.bound(); }

int Worker::receive_buffer() const {
  int smallest = ports_.front()->socket.receive_buffer();
  for (const auto& port : ports_) smallest = std::min(smallest, port->socket.receive_buffer());
  return smallest;
}

ShellMetrics Worker::shell_metrics() const {
  ShellMetrics out;
  out.forward = forward_;
  for (const auto& port : ports_) {
    const UdpCounters& counters = port->socket.counters();
    out.receive_errors += counters.receive_errors;
    out.receive_truncated += counters.truncated;
    out.send_errors += counters.send_errors;
    out.send_overflows += counters.send_overflows;
  }
  return out;
}

}  // namespace postern::net
