// One UDP socket: datagrams in and out in batches, never blocking.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>

#include "acl/file_descriptor.hpp"
#include "sbc/flow.hpp"
#include "sbc/net/socket_address.hpp"
#include "sbc/net/worker_place.hpp"
#include "sbc/outbox.hpp"

namespace postern::net {

/// Room for the datagrams of one recvmmsg(2). Sockets of one thread share it; its memory is touched only as far as datagrams reach.
class ReceiveBatch {
 public:
  static constexpr std::size_t capacity = 64;
  static constexpr std::size_t max_datagram = 65'535;

  struct Item {
    std::string_view bytes;
    sbc::Endpoint peer;
    acl::Address local;  ///< the address of ours that it was sent to
  };

  ReceiveBatch();
  /// What the last receive() brought; views hold until the next one.
  [[nodiscard]] std::span<const Item> items() const { return {items_.data(), count_}; }

 private:
  friend class UdpSocket;
  struct alignas(cmsghdr) Control {
    std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
  };
  void reset(std::size_t used);

  std::unique_ptr<char[]> bytes_;
  std::array<mmsghdr, capacity> headers_{};
  std::array<iovec, capacity> vectors_{};
  std::array<SocketAddress, capacity> peers_{};
  std::array<Control, capacity> controls_{};
  std::array<Item, capacity> items_{};
  std::size_t count_ = 0;
};

/// What the kernel would not take yet, in order and bounded.
class SendQueue {
 public:
  static constexpr std::size_t max_datagrams = 1024;
  static constexpr std::size_t max_bytes = 4U << 20U;

  /// False, and nothing kept, if there is no room.
  bool push(const sbc::Outgoing& datagram);
  [[nodiscard]] const sbc::Outgoing& front() const { return datagrams_.front(); }
  void pop();
  [[nodiscard]] bool empty() const { return datagrams_.empty(); }
  [[nodiscard]] std::size_t size() const { return datagrams_.size(); }

 private:
  std::deque<sbc::Outgoing> datagrams_;
  std::size_t bytes_ = 0;
};

struct UdpCounters {
  std::uint64_t truncated = 0;       ///< received datagrams that were cut, and so thrown away
  std::uint64_t not_unicast = 0;     ///< sent to a broadcast or multicast address, and so not to us
  std::uint64_t receive_errors = 0;  ///< an ICMP error, mostly; the socket goes on
  std::uint64_t send_errors = 0;     ///< datagrams that the kernel refused: no route, too large, a link-local peer
  std::uint64_t send_overflows = 0;  ///< datagrams for which the queue had no room

  UdpCounters& operator+=(const UdpCounters& other);
};

class UdpSocket {
 public:
  /// IPv4 or IPv6, never both (IPV6_V6ONLY): udp://0.0.0.0:5060 and udp://[::]:5060 may stand side by side. Port 0: any free one.
  /// Throws std::system_error.
  explicit UdpSocket(const sbc::Endpoint& bind) : UdpSocket(bind, PortSharing{}) {}
  UdpSocket(const sbc::Endpoint& bind, const PortSharing& sharing);
  /// For the time that a socket takes to be bound beside this one, until unshare(): others could then be, too.
  void share();
  void unshare() noexcept;
  /// The sockets of all workers are open: until then one of several receives nothing.
  void complete() const {
    if (in_group_) Steering::open_ears(fd_.get());
  }
  /// Of a socket with one address: what comes from now on is for a wildcard socket of the same port; what has come can still be received,
  /// and sending goes on.
  void stop_receiving();
  /// For good; only bound() and the counters hold.
  void close() { fd_.reset(); }

  /// What it is bound to, with the port that the kernel chose for 0.
  [[nodiscard]] const sbc::Endpoint& bound() const { return bound_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Bytes of receive buffer that the kernel granted.
  [[nodiscard]] int receive_buffer() const;

  /// Fills the batch with what is there. Returns how many datagrams the kernel gave (items() may be fewer: those that are truncated, or
  /// sent to many, are left out); fewer than the capacity means that nothing more waits.
  std::size_t receive(ReceiveBatch& batch);

  /// Sends in order. On a wildcard socket each leaves from its flow.local. What the kernel would not take yet is copied to the queue.
  void send(std::span<const sbc::Outgoing* const> datagrams);
  /// Something is queued: call send_queued() when the socket is writable.
  [[nodiscard]] bool wants_write() const { return !queue_.empty(); }
  void send_queued();

  [[nodiscard]] const UdpCounters& counters() const { return counters_; }

 private:
  void set_options();
  void collect(ReceiveBatch& batch, std::size_t received);
  /// Whether routers may cut what is sent from now on.
  void let_cut(bool let);
  /// How many of the first datagrams are done with (sent or failed); fewer than given: the kernel takes no more now.
  std::size_t send_some(std::span<const sbc::Outgoing* const> datagrams);

  acl::FileDescriptor fd_;
  sbc::Endpoint bound_;
  bool wildcard_ = false;
  bool in_group_ = false;
  bool lets_cut_ = false;
  bool joins_ = false;  ///< the kernel takes several datagrams of one size as one
  SendQueue queue_;
  UdpCounters counters_;
};

}  // namespace postern::net
