// Datagrams over sockets of this machine.
#pragma once

#include <poll.h>

#include <string>
#include <utility>
#include <vector>

#include "sbc/net/udp_socket.hpp"

namespace postern::net {

using sbc::Endpoint;
using sbc::Outgoing;

inline Endpoint at(const char* address, std::uint16_t port = 0) { return {*acl::Address::parse(address), port}; }

struct Datagram {
  std::string bytes;
  Endpoint peer;
  acl::Address local;
};

inline bool readable(const UdpSocket& socket) {
  constexpr int patience_ms = 10'000;
  pollfd item{socket.fd(), POLLIN, 0};
  return ::poll(&item, 1, patience_ms) == 1;
}

/// Waits until `count` datagrams have come.
inline std::vector<Datagram> receive(UdpSocket& socket, std::size_t count) {
  ReceiveBatch batch;
  std::vector<Datagram> out;
  while (out.size() < count && readable(socket)) {
    socket.receive(batch);
    for (const auto& item : batch.items()) out.push_back({std::string(item.bytes), item.peer, item.local});
  }
  return out;
}

inline Outgoing outgoing(const Endpoint& peer, std::string bytes, acl::Address local = {}) {
  Outgoing out;
  out.flow.peer = peer;
  out.flow.local = local;
  out.bytes = std::move(bytes);
  return out;
}

inline void send(UdpSocket& socket, const std::vector<Outgoing>& datagrams) {
  std::vector<const Outgoing*> pointers;
  pointers.reserve(datagrams.size());
  for (const Outgoing& datagram : datagrams) pointers.push_back(&datagram);
  socket.send(pointers);
}

}  // namespace postern::net
