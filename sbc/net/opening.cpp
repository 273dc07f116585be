#include "sbc/net/opening.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "sbc/net/start_error.hpp"

namespace postern::net {
namespace {

std::string advice(const Opening& opening, const std::error_code& error) {
  switch (error.value()) {
    case EADDRINUSE:
      return fmt::format("another program has this port (`ss -{}lpn sport = :{}` shows which): stop it, or choose another port",
                         opening.kind, opening.bind.port);
    case EADDRNOTAVAIL:
      return "this host does not have the address (`ip address` shows those that it has)";
    case EACCES:
      return "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: grant it, or choose another port";
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return "the system has no room for another socket: raise the limit that it names, or open fewer";
    case EAFNOSUPPORT:
      return "this host has no IPv6: remove the address, or enable IPv6";
    default:
      return "correct the address";
  }
}

}  // namespace

void refuse(const Opening& opening, const std::error_code& error) {
  throw StartError(fmt::format("{} {} {}: {}: {}", opening.what, opening.kind == 'u' ? "udp" : "tcp", opening.bind.to_string(),
                               error.message(), advice(opening, error)),
                   opening.key);
}

std::string listener_key(const std::vector<sbc::ListenerOptions>& wanted, const sbc::ListenerOptions& listener) {
  const auto found = std::ranges::find_if(
      wanted, [&](const sbc::ListenerOptions& each) { return each.transport == listener.transport && each.bind == listener.bind; });
  return fmt::format("listeners[{}]", found - wanted.begin());
}

}  // namespace postern::net
