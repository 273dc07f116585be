#include "sbc/net/socket_address.hpp"

#include <arpa/inet.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "acl/file_descriptor.hpp"

namespace postern::net {

socklen_t fill(SocketAddress& out, const sbc::Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    out.v4 = sockaddr_in{};
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(endpoint.port);
    out.v4.sin_addr = to_in_addr(endpoint.address);
    return sizeof out.v4;
  }
  out.v6 = sockaddr_in6{};
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(endpoint.port);
  out.v6.sin6_addr = to_in6_addr(endpoint.address);
  return sizeof out.v6;
}

in_addr to_in_addr(const acl::Address& address) { return {htonl(address.v4_value())}; }

in6_addr to_in6_addr(const acl::Address& address) {
  in6_addr out{};
  std::memcpy(out.s6_addr, address.bytes().data(), sizeof out.s6_addr);
  return out;
}

acl::Address address_of(const in6_addr& address) {
  acl::Address::Bytes bytes{};
  std::memcpy(bytes.data(), address.s6_addr, bytes.size());
  return acl::Address::v6(bytes);
}

int family_of(const acl::Address& address) { return address.is_v4() ? AF_INET : AF_INET6; }

acl::Address local_address_toward(const sbc::Endpoint& peer) {
  const acl::FileDescriptor fd(::socket(family_of(peer.address), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress address{};
  socklen_t length = fill(address, peer);
  if (!fd || ::connect(fd.get(), &address.any, length) != 0) throw std::system_error(errno, std::generic_category());
  length = sizeof address;
  if (::getsockname(fd.get(), &address.any, &length) != 0) throw std::system_error(errno, std::generic_category());
  return endpoint_of(address).address;
}

}  // namespace postern::net
