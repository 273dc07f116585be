#include "sbc/flow.hpp"

#include <algorithm>
#include <array>

namespace postern::sbc {

const char* to_string(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "udp";
    case Transport::tcp:
      return "tcp";
    case Transport::tls:
      return "tls";
    case Transport::ws:
      return "ws";
    case Transport::wss:
      return "wss";
  }
  return "unknown";
}

std::optional<Transport> transport_of(std::string_view word) {
  constexpr std::array all{Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss};
  const auto found = std::ranges::find_if(all, [word](Transport transport) { return to_string(transport) == word; });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

const char* via_name(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "UDP";
    case Transport::tcp:
      return "TCP";
    case Transport::tls:
      return "TLS";
    case Transport::ws:
      return "WS";
    case Transport::wss:
      break;
  }
  return "WSS";
}

const char* transport_param(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "";
    case Transport::tcp:
      return ";transport=tcp";
    case Transport::tls:
      return ";transport=tls";
    case Transport::ws:
    case Transport::wss:
      break;
  }
  return ";transport=ws";
}

const char* to_string(Side side) { return side == Side::access ? "access" : "core"; }

std::string uri_host(const acl::Address& address) {
  std::string text = address.to_string();
  return address.is_v4() ? text : "[" + text + "]";
}

std::string Endpoint::to_string() const { return uri_host(address) + ":" + std::to_string(port); }

}  // namespace postern::sbc
