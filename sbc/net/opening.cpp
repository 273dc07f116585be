#include "sbc/net/opening.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace postern::net {

std::string bind_advice(const std::error_code& error, char kind, const sbc::Endpoint& bind) {
  switch (error.value()) {
    case EADDRINUSE:
      return fmt::format("another program has this port (`ss -{}lpn sport = :{}` shows which): stop it, or choose another port", kind,
                         bind.port);
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

std::string listener_key(const std::vector<sbc::ListenerOptions>& wanted, const sbc::ListenerOptions& listener) {
  const auto found = std::ranges::find_if(
      wanted, [&](const sbc::ListenerOptions& each) { return each.transport == listener.transport && each.bind == listener.bind; });
  return fmt::format("listeners[{}]", found - wanted.begin());
}

}  // namespace postern::net
