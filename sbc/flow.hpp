// Who talks to us over what: endpoints, sides, flows.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "acl/address.hpp"

namespace postern::sbc {

enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };
/// "udp" ...
const char* to_string(Transport transport);
/// nullopt: it is none of these words.
std::optional<Transport> transport_of(std::string_view word);
/// As a Via names it (RFC 3261 §20.42, RFC 7118 §5.2): "UDP", "TCP", "TLS", "WS", "WSS".
const char* via_name(Transport transport);
/// Behind a URI that is reached by it (RFC 3261 §19.1.1, RFC 7118 §5.2: ws over TLS too): ";transport=tcp"; UDP needs none.
const char* transport_param(Transport transport);
/// UDP: messages are repeated until they are answered, and anybody can write any address on them.
constexpr bool is_datagram(Transport transport) { return transport == Transport::udp; }

/// Access is toward the internet, core toward the PBX (never upstream/downstream).
enum class Side : std::uint8_t { access, core };
const char* to_string(Side side);

struct Endpoint {
  acl::Address address;
  std::uint16_t port = 0;

  /// "192.0.2.1:5060", "[2001:db8::1]:5060".
  [[nodiscard]] std::string to_string() const;
  auto operator<=>(const Endpoint&) const = default;
};

/// "192.0.2.1", "[2001:db8::1]": how a host stands in a URI or Via (RFC 3261 §25.1).
std::string uri_host(const acl::Address& address);

/// In the place of a listener's index: there is none.
inline constexpr std::uint8_t no_listener = 255;

/// The path to one peer: what a packet came in on, and what an answer goes back on.
struct Flow {
  Side side = Side::access;
  Transport transport = Transport::udp;
  std::uint8_t listener = 0;  ///< index into EngineOptions::listeners, which holds until a restart (sbc/listeners.hpp); 0 on the core side
  acl::Address local;         ///< the address of ours that the peer spoke to (IP_PKTINFO): an answer must leave from it
  Endpoint peer;
  std::uint64_t connection = 0;  ///< streams: boot id and counter; 0 on UDP

  auto operator<=>(const Flow&) const = default;
};

}  // namespace postern::sbc
