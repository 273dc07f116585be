#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "config/checks.hpp"

namespace postern::config {
namespace {

constexpr std::uint16_t standard_bind_port = 5080;

/// Asks the kernel, which also knows of non-local binds and of 127/8. True if in doubt.
bool host_has(const acl::Address& address) {
  if (address.is_unspecified()) return true;
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  int result = 0;
  if (address.is_v4()) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(address.v4_value());
    result = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  } else {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    std::memcpy(&name.sin6_addr, address.bytes().data(), address.bytes().size());
    result = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  const int error = errno;
  ::close(fd);
  return result == 0 || error != EADDRNOTAVAIL;
}

/// Whether a socket bound there hears one of our addresses: 0.0.0.0 all of IPv4, [::] all there are.
bool covers(const acl::Address& bound, const acl::Address& address) {
  return bound == address || (bound.is_unspecified() && (!bound.is_v4() || address.is_v4()));
}

std::string text_of(const sbc::Endpoint& endpoint) {
  return endpoint.address.is_v4() ? fmt::format("{}:{}", endpoint.address.to_string(), endpoint.port)
                                  : fmt::format("[{}]:{}", endpoint.address.to_string(), endpoint.port);
}

void check_loop(const Draft& draft, const sbc::ListenerOptions& listener, Report& report) {
  for (const Located<SipAddress>& pbx : draft.pbx) {
    const acl::Address& address = *pbx.value.address;
    const bool same = listener.bind.port == pbx.value.port && covers(listener.bind.address, address);
    if (same && (listener.bind.address == address || host_has(address)))
      report.error(pbx.at, fmt::format("is the listener {} itself: what goes to the PBX would come back", in_quotes(listener.name)));
  }
  if (draft.pbx_bind) {
    const sbc::Endpoint& bind = draft.pbx_bind->value;
    if (listener.bind.port == bind.port && covers(listener.bind.address, bind.address))
      report.error(draft.pbx_bind->at, fmt::format("is the listener {} itself; the PBX needs a port of its own", in_quotes(listener.name)));
  } else if (listener.bind.port == standard_bind_port && listener.bind.address.is_unspecified() && !draft.pbx.empty()) {
    report.error(draft.pbx.front().at, fmt::format("without pbx.bind the PBX is talked to from port {}, which the listener {} takes",
                                                   standard_bind_port, in_quotes(listener.name)));
  }
}

}  // namespace

void check_addresses(const Draft& draft, Report& report) {
  for (const DraftListener& listener : draft.listeners) {
    const auto& address = listener.address.value.address;
    if (address && !host_has(*address))
      report.warning(listener.address.at, fmt::format("this host does not have the address {}", address->to_string()));
  }
  for (const sbc::ListenerOptions& listener : draft.config.engine.listeners) check_loop(draft, listener, report);
  if (!draft.pbx_bind) return;
  const sbc::Endpoint& bind = draft.pbx_bind->value;
  if (!host_has(bind.address))
    report.warning(draft.pbx_bind->at, fmt::format("this host does not have the address {}", bind.address.to_string()));
  for (const Located<SipAddress>& pbx : draft.pbx) {
    if (sbc::Endpoint{*pbx.value.address, pbx.value.port} == bind)
      report.error(draft.pbx_bind->at, fmt::format("{} is the PBX's own address", text_of(bind)));
  }
}

}  // namespace postern::config
