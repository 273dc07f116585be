// How a worker's stream listeners are opened: at the start, and when a reload changes them.
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "sbc/listeners.hpp"
#include "sbc/net/opening.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/streams.hpp"

namespace postern::net {
namespace {

std::shared_ptr<const TlsContext> tls_of(const sbc::ListenerOptions& listener, const std::string& key) {
  if (!listener.tls) return nullptr;
  std::vector<TlsProblem> problems;
  auto context = TlsContext::load(*listener.tls, std::chrono::system_clock::now(), problems);
  for (const TlsProblem& problem : problems) {
    if (problem.fatal) throw StartError(fmt::format("listener {}: {}", listener.name, problem.message), key + ".tls." + problem.key);
  }
  return context;
}

}  // namespace

std::shared_ptr<StreamListener> Streams::open_listener(const sbc::ListenerOptions& listener, std::uint8_t slot, const std::string& key) {
  return opened({fmt::format("listener {}: cannot listen on", listener.name), 't', listener.bind, key}, [&] {
    // One of ours that has the port at the wildcard address, or at one of the wildcard's, is no other program.
    SharedPorts<StreamListener> beside;
    for (const auto& open : listeners_) {
      if (open != nullptr && sbc::overlap(open->bound(), listener.bind)) beside.add(*open);
    }
    auto socket = std::make_shared<StreamListener>(io_, *this, listener, slot, sharing_of(place_, !beside.empty()));
    if (!place_.alone() && place_.is_last()) place_.steering.attach(socket->fd());
    return socket;
  });
}

Streams::Plan Streams::open(std::vector<sbc::ListenerOptions>& slots, const std::vector<sbc::ListenerOptions>& wanted) {
  Plan plan;
  plan.listeners.resize(slots.size());
  plan.settings.resize(slots.size());
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    sbc::ListenerOptions& listener = slots[slot];
    if (!listener.open || sbc::is_datagram(listener.transport)) continue;
    const std::string key = listener_key(wanted, listener);
    plan.settings[slot] = {listener.name, tls_of(listener, key), listener.origins};
    const std::shared_ptr<StreamListener> now = slot < listeners_.size() ? listeners_[slot] : nullptr;
    const bool stays = now != nullptr && now->bound() == listener.bind;
    plan.listeners[slot] = stays ? now : open_listener(listener, static_cast<std::uint8_t>(slot), key);
    listener.bind = plan.listeners[slot]->bound();
  }
  return plan;
}

std::vector<CertificateEnd> Streams::certificates() const {
  std::vector<CertificateEnd> ends;
  for (const auto& listener : listeners_) {
    if (listener != nullptr && listener->settings().tls != nullptr)
      ends.push_back({listener->settings().name, listener->settings().tls->not_after()});
  }
  return ends;
}

void Streams::keep_ports(std::vector<sbc::ListenerOptions>& wanted) const {
  for (sbc::ListenerOptions& listener : wanted) {
    const auto asked = std::ranges::find_if(listeners_, [&](const auto& open) {
      return open != nullptr && open->transport() == listener.transport && open->asked() == listener.bind;
    });
    if (asked != listeners_.end()) listener.bind = (*asked)->bound();
  }
}

}  // namespace postern::net
