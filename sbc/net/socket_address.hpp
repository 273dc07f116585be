// Endpoints as the kernel wants them. IPv6 zones (link-local scopes) are not kept: a link-local peer cannot be answered.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sbc/flow.hpp"

namespace postern::net {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/// Fills `out` and returns its length.
socklen_t fill(SocketAddress& out, const sbc::Endpoint& endpoint);
in_addr to_in_addr(const acl::Address& address);
in6_addr to_in6_addr(const acl::Address& address);
inline acl::Address address_of(const in_addr& address) { return acl::Address::v4(ntohl(address.s_addr)); }
acl::Address address_of(const in6_addr& address);
/// An address that is neither IPv4 nor IPv6 gives Endpoint{}. In line: each packet is asked.
inline sbc::Endpoint endpoint_of(const SocketAddress& address) {
  if (address.any.sa_family == AF_INET) return {address_of(address.v4.sin_addr), ntohs(address.v4.sin_port)};
  if (address.any.sa_family == AF_INET6) return {address_of(address.v6.sin6_addr), ntohs(address.v6.sin6_port)};
  return {};
}

/// AF_INET or AF_INET6.
int family_of(const acl::Address& address);

/// The address of ours that a packet to `peer` would leave from, by the routing table; nothing is sent.
/// Throws std::system_error when there is no route.
acl::Address local_address_toward(const sbc::Endpoint& peer);

}  // namespace postern::net
