// How a worker opens and closes its sockets: at the start, and when a reload adds listeners or takes them away.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "sbc/listeners.hpp"
#include "sbc/net/opening.hpp"
#include "sbc/net/socket_address.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/worker.hpp"
#include "sbc/net/worker_port.hpp"
#include "sbc/net/worker_streams.hpp"

namespace postern::net {

namespace {

sbc::Endpoint core_address(const sbc::PbxOptions& pbx) {
  if (pbx.bind && !pbx.bind->address.is_unspecified()) return *pbx.bind;
  const std::uint16_t port = pbx.bind ? pbx.bind->port : sbc::PbxOptions::default_bind_port;
  try {
    return {local_address_toward(pbx.addresses.front()), port};
  } catch (const std::system_error& error) {
    throw StartError(fmt::format("pbx: there is no route to {}: {}: correct the address, or the host's routes",
                                 pbx.addresses.front().to_string(), error.code().message()),
                     "pbx.address");
  }
}

void check_families(const sbc::PbxOptions& pbx, const sbc::Endpoint& bind) {
  for (const sbc::Endpoint& address : pbx.addresses) {
    if (address.address.is_v4() == bind.address.is_v4()) continue;
    throw StartError(fmt::format("pbx: {} cannot be reached from {}: give all addresses of the PBX and `bind` in one family, IPv4 or IPv6",
                                 address.to_string(), bind.to_string()),
                     "pbx.address");
  }
}

}  // namespace

std::shared_ptr<Worker::Port> Worker::open_listener(const sbc::ListenerOptions& listener, std::uint8_t slot, const std::string& key) {
  return opened({fmt::format("listener {}: cannot listen on", listener.name), 'u', listener.bind, key}, [&] {
    // One of ours that has the port at the wildcard address, or at one of the wildcard's, is no other program.
    SharedPorts<UdpSocket> beside;
    for (const auto& port : listeners_) {
      if (port != nullptr && sbc::overlap(port->socket.bound(), listener.bind)) beside.add(port->socket);
    }
    UdpSocket socket(listener.bind, sharing_of(place_, !beside.empty()));
    if (!place_.alone() && place_.is_last()) place_.steering.attach(socket.fd());
    return std::make_shared<Port>(io_, sbc::Side::access, slot, listener.bind, std::move(socket));
  });
}

/// The sockets that belong to `slots`: those that are open already, and new ones. The slots get the ports that the kernel chose.
Worker::Ports Worker::open_listeners(std::vector<sbc::ListenerOptions>& slots, const std::vector<sbc::ListenerOptions>& wanted) {
  Ports ports = listeners_;
  ports.resize(slots.size());
  // Last those that take datagrams away from a socket of ours: should another fail, these have lost none.
  for (const bool taking_over : {false, true}) {
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
      sbc::ListenerOptions& listener = slots[slot];
      const std::shared_ptr<Port> now = slot < listeners_.size() ? listeners_[slot] : nullptr;
      const bool stays = now != nullptr && now->socket.bound() == listener.bind;
      if (!listener.open || !sbc::is_datagram(listener.transport) || stays || (now != nullptr) != taking_over) continue;
      ports[slot] = open_listener(listener, static_cast<std::uint8_t>(slot), listener_key(wanted, listener));
      listener.bind = ports[slot]->socket.bound();
    }
  }
  return ports;
}

void Worker::open_core() {
  const sbc::Endpoint bind = core_address(options_.pbx);
  check_families(options_.pbx, bind);
  if (!sbc::is_datagram(options_.pbx.transport)) {
    core_links_ = std::make_unique<CoreLinks>(io_, *streams_, *stream_side_, options_.pbx, bind);
    options_.pbx.bind = core_links_->bound();
    return;
  }
  core_ = opened({"pbx.bind: cannot listen on", 'u', bind, "pbx.bind"},
                 [&] { return std::make_shared<Port>(io_, sbc::Side::core, std::uint8_t{0}, bind, UdpSocket(bind)); });
  options_.pbx.bind = core_->socket.bound();
}

/// Tokens, and the Contacts that the PBX holds, name our address on the core side.
void Worker::check_core(const sbc::PbxOptions& pbx) const {
  if (pbx.transport != options_.pbx.transport) {
    throw StartError(
        fmt::format("pbx: it is reached over {} now; another transport: restart needed", sbc::to_string(options_.pbx.transport)),
        "pbx.address");
  }
  const sbc::Endpoint wanted = core_address(pbx);
  check_families(pbx, wanted);
  if (wanted.address == core().address) return;
  throw StartError(
      fmt::format("pbx: {} is reached from {}, but the PBX knows Postern, and every phone behind it, as {}: restart needed, or `bind: {}`",
                  pbx.addresses.front().to_string(), wanted.address.to_string(), core().to_string(), core().to_string()),
      "pbx.address");
}

struct Worker::Change {
  sbc::Setup setup;
  std::shared_ptr<const TlsClient> tls;
  Streams::Plan streams;
  Ports ports;
};

void Worker::DeleteChange::operator()(Change* change) const { delete change; }

Worker::Prepared Worker::prepare(sbc::Setup setup) {
  sbc::EngineOptions& options = setup.options;
  options.pbx.worker = options_.pbx.worker;
  options.pbx.workers = options_.pbx.workers;
  // A port that the kernel chose at the start stays the listener's.
  for (sbc::ListenerOptions& listener : options.listeners) {
    if (!sbc::is_datagram(listener.transport)) continue;
    const auto asked = std::ranges::find_if(listeners_, [&](const auto& port) { return port != nullptr && port->asked == listener.bind; });
    if (asked != listeners_.end()) listener.bind = (*asked)->socket.bound();
  }
  streams_->keep_ports(options.listeners);
  check_core(options.pbx);
  const std::vector<sbc::ListenerOptions> wanted = options.listeners;
  auto slots = sbc::in_slots(options_.listeners, options.listeners);
  if (!slots) {
    throw StartError(fmt::format("more than {} listeners, those that are gone since the start included: restart needed", sbc::no_listener),
                     "listeners");
  }
  std::shared_ptr<const TlsClient> tls = core_links_ != nullptr ? core_links_->prepare(options.pbx) : nullptr;
  Streams::Plan streams = streams_->open(*slots, wanted);
  Ports ports = open_listeners(*slots, wanted);
  options.listeners = std::move(*slots);
  options.pbx.bind = core();
  return Prepared(new Change{std::move(setup), std::move(tls), std::move(streams), std::move(ports)});
}

const std::vector<sbc::ListenerOptions>& Worker::listeners_of(const Change& change) { return change.setup.options.listeners; }

sbc::Setup Worker::commit(Change& change) {
  options_ = change.setup.options;
  if (teller_ != nullptr) teller_->apply(options_.listeners);
  swap_ports(std::move(change.ports));
  apply_streams(std::move(change.streams));
  sbc::Setup before = engine_->apply(std::move(change.setup), acl::Clock::now());
  if (core_links_ != nullptr) core_links_->apply(options_.pbx, std::move(change.tls));
  if (running_) arm_timer();
  return before;
}

/// `options_` is the new one already, the engine's the old one.
void Worker::swap_ports(Ports next) {
  const acl::TimePoint now = acl::Clock::now();
  Ports replaced;
  for (std::size_t slot = 0; slot < listeners_.size(); ++slot) {
    const std::shared_ptr<Port>& port = listeners_[slot];
    if (port == nullptr) continue;
    const bool stays = next[slot] == port;
    if (!stays && !port->socket.bound().address.is_unspecified()) port->socket.stop_receiving();
    if (stays && options_.listeners[slot].open) {
      port->taken_away.reset();
      continue;
    }
    drain_received(*port);
    if (!stays) replaced.push_back(port);
    if (stays && !port->taken_away) port->taken_away = now;
  }
  std::swap(listeners_, next);
  for (const auto& port : replaced) close(*port);
  for (std::size_t slot = 0; slot < listeners_.size(); ++slot) {
    const bool is_new = listeners_[slot] != nullptr && (slot >= next.size() || next[slot] != listeners_[slot]);
    if (!is_new || !running_) continue;
    listeners_[slot]->socket.complete();
    wait_readable(listeners_[slot]);
  }
  close_those_in_the_way();
}

/// A socket that only ends what is under way must not take what is meant for a wildcard listener.
void Worker::close_those_in_the_way() {
  for (std::size_t slot = 0; slot < listeners_.size(); ++slot) {
    const std::shared_ptr<Port> port = listeners_[slot];
    if (port == nullptr || !port->taken_away || port->socket.bound().address.is_unspecified()) continue;
    const auto in_the_way = [&](const std::shared_ptr<Port>& other) {
      return other != nullptr && !other->taken_away && sbc::overlap(other->socket.bound(), port->socket.bound());
    };
    if (std::ranges::none_of(listeners_, in_the_way)) continue;
    port->socket.stop_receiving();
    drain_received(*port);
    close(*port);
    listeners_[slot].reset();
  }
}

void Worker::close(Port& port) {
  port.socket.send_queued();
  closed_ += port.socket.counters();
  port.closed = true;
  port.descriptor.release();
  port.socket.close();
}

bool Worker::is_drained(std::size_t slot, acl::TimePoint now) const {
  const std::shared_ptr<Port>& port = listeners_[slot];
  if (port == nullptr) return true;
  if (!port->taken_away || now < *port->taken_away + drain) return false;
  return now >= *port->taken_away + longest_drain || !engine_->awaits_answers(static_cast<std::uint8_t>(slot));
}

void Worker::close_drained(const std::vector<Worker*>& all, acl::TimePoint now) {
  for (std::size_t slot = 0; slot < all.front()->listeners_.size(); ++slot) {
    if (!std::ranges::all_of(all, [&](const Worker* worker) { return worker->is_drained(slot, now); })) continue;
    for (Worker* worker : all) {
      if (const std::shared_ptr<Port> port = std::exchange(worker->listeners_[slot], nullptr)) worker->close(*port);
    }
  }
  for (Worker* worker : all) worker->close_drained_streams(now);
}

bool Worker::is_closing() const {
  const auto closes = [](const std::shared_ptr<Port>& port) { return port != nullptr && port->taken_away; };
  return std::ranges::any_of(listeners_, closes) || !streams_taken_away_.empty();
}

}  // namespace postern::net
