// One socket of a worker. Internal to it.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sbc/net/udp_socket.hpp"
#include "sbc/net/worker.hpp"

namespace postern::net {

struct Worker::Port {
  Port(boost::asio::io_context& io, sbc::Side on_side, std::uint8_t index, const sbc::Endpoint& as_asked, UdpSocket bound)
      : side(on_side), listener(index), asked(as_asked), socket(std::move(bound)), descriptor(io, socket.fd()) {}
  ~Port() { descriptor.release(); }  // the socket closes it
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  sbc::Side side;
  std::uint8_t listener;
  sbc::Endpoint asked;  ///< where the configuration wants it; port 0: any
  UdpSocket socket;
  boost::asio::posix::stream_descriptor descriptor;
  std::vector<const sbc::Outgoing*> pending;  ///< of the outbox, during flush()
  bool waits_writable = false;
  std::optional<acl::TimePoint> taken_away;  ///< by a reload; it ends what is under way
  bool closed = false;                       ///< handlers that were already on their way find that
};

}  // namespace postern::net
