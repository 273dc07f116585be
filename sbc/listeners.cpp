#include "sbc/listeners.hpp"

#include <algorithm>

namespace postern::sbc {
namespace {

using Slot = std::vector<ListenerOptions>::iterator;

bool same(const ListenerOptions& one, const ListenerOptions& other) { return one.transport == other.transport && one.bind == other.bind; }

bool takes_over(const ListenerOptions& one, const ListenerOptions& other) {
  return one.transport == other.transport && overlap(one.bind, other.bind);
}

}  // namespace

std::vector<ListenerAddress> addresses_of(std::span<const ListenerOptions> listeners) {
  std::vector<ListenerAddress> addresses;
  addresses.reserve(listeners.size());
  for (const ListenerOptions& listener : listeners) addresses.push_back({listener.transport, listener.bind, listener.open});
  return addresses;
}

bool overlap(const Endpoint& one, const Endpoint& other) {
  return one.port == other.port && one.address.is_v4() == other.address.is_v4() &&
         (one.address == other.address || one.address.is_unspecified() || other.address.is_unspecified());
}

std::uint8_t listener_at(std::span<const ListenerAddress> listeners, Transport transport, const Endpoint& local) {
  for (std::size_t slot = 0; slot < listeners.size(); ++slot) {
    const ListenerAddress& listener = listeners[slot];
    if (listener.open && listener.transport == transport && overlap(listener.bind, local)) return static_cast<std::uint8_t>(slot);
  }
  return no_listener;
}

std::optional<std::vector<ListenerOptions>> in_slots(std::span<const ListenerOptions> current, std::vector<ListenerOptions> wanted) {
  std::vector<ListenerOptions> slots(current.begin(), current.end());
  std::vector<bool> taken(slots.size(), false);
  for (ListenerOptions& slot : slots) slot.open = false;
  // First those that stay as they are, so that none of them is taken over.
  for (const auto matches : {same, takes_over}) {
    for (auto listener = wanted.begin(); listener != wanted.end();) {
      std::size_t at = 0;
      while (at < slots.size() && (taken[at] || (matches == takes_over && !current[at].open) || !matches(slots[at], *listener))) ++at;
      if (at == slots.size()) {
        ++listener;
        continue;
      }
      taken[at] = true;
      slots[at] = std::move(*listener);
      listener = wanted.erase(listener);
    }
  }
  if (slots.size() + wanted.size() > no_listener) return std::nullopt;
  slots.insert(slots.end(), std::make_move_iterator(wanted.begin()), std::make_move_iterator(wanted.end()));
  return slots;
}

}  // namespace postern::sbc
