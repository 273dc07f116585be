#include "sbc/net/udp_socket.hpp"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "sbc/net/send_batch.hpp"
#include "sbc/net/socket_option.hpp"

namespace postern::net {

namespace {

constexpr int wanted_receive_buffer = 4 << 20;
// No multiple of the page size: the beginnings of all datagrams would else fall into the same cache sets.
constexpr std::size_t stride = ReceiveBatch::max_datagram + 1 + 320;

/// Those of a broadcast or multicast datagram: each socket of its port gets one of its own.
bool is_one_of_many(const in_pktinfo& info) { return info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr; }
bool is_one_of_many(const in6_pktinfo& info) { return IN6_IS_ADDR_MULTICAST(&info.ipi6_addr); }

/// nullopt: one of many.
std::optional<acl::Address> local_address(msghdr& header, const acl::Address& otherwise) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(item), sizeof info);
      return is_one_of_many(info) ? std::nullopt : std::optional(address_of(info.ipi_spec_dst));
    }
    if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(item), sizeof info);
      return is_one_of_many(info) ? std::nullopt : std::optional(address_of(info.ipi6_addr));
    }
  }
  return otherwise;
}

}  // namespace

ReceiveBatch::ReceiveBatch() : bytes_(std::make_unique_for_overwrite<char[]>(capacity * stride)) {
  for (std::size_t i = 0; i < capacity; ++i) {
    // One piece for all that may come: the kernel takes two much more slowly than one.
    vectors_[i] = {bytes_.get() + i * stride, max_datagram};
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &peers_[i];
    headers_[i].msg_hdr.msg_control = controls_[i].bytes.data();
  }
  reset(capacity);
}

void ReceiveBatch::reset(std::size_t used) {
  for (std::size_t i = 0; i < used; ++i) {
    headers_[i].msg_hdr.msg_namelen = sizeof(SocketAddress);
    headers_[i].msg_hdr.msg_controllen = sizeof(Control);
  }
  count_ = 0;
}

bool SendQueue::push(const sbc::Outgoing& datagram) {
  if (datagrams_.size() >= max_datagrams || bytes_ + datagram.bytes.size() > max_bytes) return false;
  datagrams_.push_back(datagram);
  bytes_ += datagram.bytes.size();
  return true;
}

void SendQueue::pop() {
  bytes_ -= datagrams_.front().bytes.size();
  datagrams_.pop_front();
}

UdpCounters& UdpCounters::operator+=(const UdpCounters& other) {
  truncated += other.truncated;
  not_unicast += other.not_unicast;
  receive_errors += other.receive_errors;
  send_errors += other.send_errors;
  send_overflows += other.send_overflows;
  return *this;
}

UdpSocket::UdpSocket(const sbc::Endpoint& bind, const PortSharing& sharing)
    : fd_(::socket(family_of(bind.address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      bound_(bind),
      wildcard_(bind.address.is_unspecified()),
      in_group_(sharing.in_group) {
  if (!fd_) throw std::system_error(errno, std::generic_category());
  set_options();
  if (in_group_) Steering::close_ears(fd_.get());
  if (in_group_ && (sharing.joins || sharing.beside)) set_option(fd_.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (sharing.beside) share();
  SocketAddress address{};
  socklen_t length = fill(address, bind);
  if (::bind(fd_.get(), &address.any, length) != 0) throw std::system_error(errno, std::generic_category());
  length = sizeof address;
  if (::getsockname(fd_.get(), &address.any, &length) != 0) throw std::system_error(errno, std::generic_category());
  bound_.port = endpoint_of(address).port;
  if (sharing.beside) unshare();
  if (in_group_) set_option(fd_.get(), SOL_SOCKET, SO_REUSEPORT, 1);
}

void UdpSocket::share() {
  if (!in_group_) set_option(fd_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
}

void UdpSocket::unshare() noexcept {
  if (!in_group_) clear_option(fd_.get(), SOL_SOCKET, SO_REUSEADDR);
}

void UdpSocket::stop_receiving() {
  // The kernel prefers the socket with the closest match; one that is connected to itself matches nobody else's datagrams.
  SocketAddress self{};
  socklen_t length = sizeof self;
  const bool connected = ::getsockname(fd_.get(), &self.any, &length) == 0 && ::connect(fd_.get(), &self.any, length) == 0;
  static_cast<void>(connected);  // where not, what still comes is refused by the engine
}

void UdpSocket::set_options() {
  const bool v4 = bound_.address.is_v4();
  if (v4) {
    let_cut(true);
    if (wildcard_) {
      set_option(fd_.get(), IPPROTO_IP, IP_PKTINFO, 1);
      set_option(fd_.get(), IPPROTO_IP, IP_MULTICAST_ALL, 0);
    }
  } else {
    set_option(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (wildcard_) {
      set_option(fd_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      set_option(fd_.get(), IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
    }
  }
  // A kernel that does not know of it would send what is joined as one.
  int segment = 0;
  socklen_t length = sizeof segment;
  joins_ = ::getsockopt(fd_.get(), IPPROTO_UDP, UDP_SEGMENT, &segment, &length) == 0;
  const int size = wanted_receive_buffer;
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) set_option(fd_.get(), SOL_SOCKET, SO_RCVBUF, size);
}

int UdpSocket::receive_buffer() const {
  int size = 0;
  socklen_t length = sizeof size;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, &length) != 0) return 0;
  return size / 2;  // the kernel doubles what was asked, for its own book-keeping
}

std::size_t UdpSocket::receive(ReceiveBatch& batch) {
  batch.count_ = 0;
  int received = -1;
  do {
    received = ::recvmmsg(fd_.get(), batch.headers_.data(), ReceiveBatch::capacity, 0, nullptr);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) ++counters_.receive_errors;
    return 0;
  }
  collect(batch, static_cast<std::size_t>(received));
  return static_cast<std::size_t>(received);
}

void UdpSocket::collect(ReceiveBatch& batch, std::size_t received) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < received; ++i) {
    mmsghdr& header = batch.headers_[i];
    if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      ++counters_.truncated;
      continue;
    }
    // One that is bound to an address of ours hears nothing else.
    const std::optional<acl::Address> local = wildcard_ ? local_address(header.msg_hdr, bound_.address) : bound_.address;
    if (!local) {
      ++counters_.not_unicast;
      continue;
    }
    ReceiveBatch::Item& item = batch.items_[count++];
    item.bytes = {batch.bytes_.get() + i * stride, header.msg_len};
    item.peer = endpoint_of(batch.peers_[i]);
    item.local = *local;
  }
  batch.reset(received);
  batch.count_ = count;
}

void UdpSocket::send(std::span<const sbc::Outgoing* const> datagrams) {
  if (queue_.empty()) datagrams = datagrams.subspan(send_some(datagrams));
  for (const sbc::Outgoing* datagram : datagrams) {
    if (!queue_.push(*datagram)) ++counters_.send_overflows;
  }
}

void UdpSocket::send_queued() {
  while (!queue_.empty()) {
    const sbc::Outgoing* datagram = &queue_.front();
    if (send_some({&datagram, 1}) == 0) return;
    queue_.pop();
  }
}

/// A path whose small MTU is not told (ICMP filtered) would swallow large requests for good: routers may cut them instead. For what none
/// has to cut the kernel needs no IP identification (RFC 6864 section 4.1), and looks for none.
void UdpSocket::let_cut(bool let) {
  if (let == lets_cut_ || !bound_.address.is_v4()) return;
  const int discovery = let ? IP_PMTUDISC_DONT : IP_PMTUDISC_DO;
  if (::setsockopt(fd_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &discovery, sizeof discovery) == 0) lets_cut_ = let;
}

std::size_t UdpSocket::send_some(std::span<const sbc::Outgoing* const> datagrams) {
  SendBatch batch;
  std::size_t done = 0;
  SendBatch::How how{.names_source = wildcard_, .joins = joins_, .cuts = false};
  while (done < datagrams.size()) {
    const bool cut = batch.take(datagrams.subspan(done), how);
    let_cut(cut);
    const int sent = ::sendmmsg(fd_.get(), batch.headers(), batch.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      done += batch.datagrams_in(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (batch.datagrams_in(1) > 1) {
      // Each by itself tells what it is about. The kernel may not be able to cut what goes out by that interface.
      joins_ = joins_ && errno != EINVAL && errno != EIO;
      how.joins = false;
    } else if (errno == EMSGSIZE && !cut) {
      how.cuts = true;  // the path to a peer carries less: the rest of these may be cut as well
    } else if (errno != EINTR) {
      ++counters_.send_errors;
      ++done;
    }
  }
  return done;
}

}  // namespace postern::net
