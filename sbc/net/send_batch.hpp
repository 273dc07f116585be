// Datagrams as sendmmsg(2) wants them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sbc/net/socket_address.hpp"
#include "sbc/outbox.hpp"

namespace postern::net {

/// The kernel takes several datagrams for one peer as one long datagram that it cuts (UDP_SEGMENT), for little more than the price of one:
/// on the way to a PBX that is half of what sending costs. All pieces but the last have to be of one size, so those that differ by little
/// get some spaces where white space has no meaning (Outgoing::pad_at). What goes out by itself, or with few others, is left as it is:
/// there is little to gain, and who looks at the wire sees each datagram.
class SendBatch {  // NOLINT(cppcoreguidelines-pro-type-member-init): see its arrays
 public:
  static constexpr std::size_t capacity = 64;  ///< datagrams
  static constexpr std::size_t least_joined = 4;
  static constexpr std::size_t most_padding = 64;
  /// What each path of today's internet carries in one piece: QUIC asks it of them, too (RFC 9000 section 14).
  static constexpr std::size_t most_uncut = 1200;

  struct How {
    bool names_source = false;  ///< each leaves from its flow.local
    bool joins = false;
    bool cuts = false;  ///< whatever their size: routers have to be let cut them
  };
  /// Takes as many of the first ones as fit, in order; they must stay where they are until it is sent. True: routers have to be let cut
  /// them.
  bool take(std::span<const sbc::Outgoing* const> datagrams, const How& how);

  [[nodiscard]] mmsghdr* headers() { return headers_.data(); }
  [[nodiscard]] unsigned size() const { return size_; }
  /// How many datagrams the first messages are.
  [[nodiscard]] std::size_t datagrams_in(std::size_t messages) const { return ends_[messages - 1]; }

 private:
  static constexpr std::size_t pieces_a_datagram = 3;  // before the padding, the padding, behind it
  struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))> bytes;
  };

  /// One message, of one datagram or of several.
  void add(std::span<const sbc::Outgoing* const> joined, std::size_t segment, bool names_source);
  void add_pieces(const sbc::Outgoing& datagram, std::size_t padding);

  // Written before the kernel reads them; to clear 13 KB for one datagram would cost more than the rest.
  std::array<mmsghdr, capacity> headers_;
  std::array<SocketAddress, capacity> peers_;
  std::array<Control, capacity> controls_;
  std::array<iovec, capacity * pieces_a_datagram> pieces_;
  std::array<std::size_t, capacity> ends_;  // of each message: how many datagrams there are up to it
  unsigned size_ = 0;
  std::size_t pieces_used_ = 0;
};

}  // namespace postern::net
