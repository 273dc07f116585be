// Listeners by their slots: an index that means the same from the start to the end, whatever reloads add, remove or reorder.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sbc/flow.hpp"
#include "sbc/options.hpp"

namespace postern::sbc {

/// All that tells one listener from another.
struct ListenerAddress {
  Transport transport = Transport::udp;
  Endpoint bind;
  bool open = true;
};
std::vector<ListenerAddress> addresses_of(std::span<const ListenerOptions> listeners);

/// The same port, and one of the addresses is the other or its family's wildcard.
[[nodiscard]] bool overlap(const Endpoint& one, const Endpoint& other);

/// The open listener that sends from `local` (port and all): where a flow that was written down belongs now. no_listener: none does.
[[nodiscard]] std::uint8_t listener_at(std::span<const ListenerAddress> listeners, Transport transport, const Endpoint& local);

/// `wanted`, each in the slot that it has in `current`: by its address, else by one that it takes over (a wildcard becomes one address, or
/// one address the wildcard). What `current` has beyond is kept, closed; what is new stands behind. nullopt: there are no slots left.
[[nodiscard]] std::optional<std::vector<ListenerOptions>> in_slots(std::span<const ListenerOptions> current,
                                                                   std::vector<ListenerOptions> wanted);

}  // namespace postern::sbc
