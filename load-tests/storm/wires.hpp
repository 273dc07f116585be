// UDP of very many phones through few sockets: one socket a port, bound to every address; which of them a datagram leaves from, or came to,
// stands beside it (IP_PKTINFO). So 20,000 phones need no 20,000 descriptors, and still each has an address and a port of its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace postern::load {

class Wires {
 public:
  Wires(const sockaddr_in& server, std::uint16_t first_port, std::size_t ports)
      : server_(server), first_port_(first_port), sockets_(ports, -1), buffers_(batch) {}
  ~Wires() { close(); }
  Wires(const Wires&) = delete;
  Wires& operator=(const Wires&) = delete;

  bool open() {
    close();
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (!open_one(i)) return false;
    }
    return true;
  }

  void close() {
    for (int& socket : sockets_) {
      if (socket >= 0) ::close(socket);
      socket = -1;
    }
    if (epoll_ >= 0) ::close(epoll_);
    epoll_ = -1;
  }

  [[nodiscard]] bool closed() const { return epoll_ < 0; }

  /// From that address, on the port of that number. What the kernel does not take is lost, as on a network.
  void send(std::uint32_t from, std::size_t port, std::string_view bytes) {
    alignas(cmsghdr) Control control{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{&server_, sizeof server_, &part, 1, control.data(), control.size(), 0};
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    const in_pktinfo info{0, {htonl(from)}, {}};
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    if (::sendmsg(sockets_[port], &message, 0) < 0) ++unsent;
  }

  /// Waits so long at most; gives what has come to take(address, port number, bytes).
  template <typename Take>
  void receive(int milliseconds, Take take) {
    if (epoll_ < 0) {
      ::usleep(static_cast<useconds_t>(milliseconds) * 1000);
      return;
    }
    std::array<epoll_event, 64> events;  // NOLINT: filled as far as it is used
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), milliseconds);
    for (int i = 0; i < ready; ++i) read(events[static_cast<std::size_t>(i)].data.u64, take);
  }

  std::size_t unsent = 0;

 private:
  static constexpr std::size_t batch = 64;
  using Control = std::array<char, CMSG_SPACE(sizeof(in_pktinfo))>;
  struct Buffer {
    std::array<char, 4096> bytes;
    alignas(cmsghdr) Control control;
  };

  bool open_one(std::size_t index) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) return false;
    sockets_[index] = socket;
    const int on = 1, room = 16 << 20;
    ::setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(static_cast<std::uint16_t>(first_port_ + index));
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) return false;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0;
  }

  template <typename Take>
  void read(std::size_t index, Take take) {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> parts{};
    for (std::size_t i = 0; i < batch; ++i) {
      parts[i] = {buffers_[i].bytes.data(), buffers_[i].bytes.size()};
      messages[i].msg_hdr = {nullptr, 0, &parts[i], 1, buffers_[i].control.data(), buffers_[i].control.size(), 0};
    }
    const int came = ::recvmmsg(sockets_[index], messages.data(), batch, 0, nullptr);
    for (std::size_t i = 0; came > 0 && i < static_cast<std::size_t>(came); ++i)
      take(address_of(messages[i].msg_hdr), index, std::string_view(buffers_[i].bytes.data(), messages[i].msg_len));
  }

  static std::uint32_t address_of(msghdr& message) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != IPPROTO_IP || header->cmsg_type != IP_PKTINFO) continue;
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return ntohl(info.ipi_addr.s_addr);
    }
    return 0;
  }

  sockaddr_in server_;
  std::uint16_t first_port_;
  std::vector<int> sockets_;
  std::vector<Buffer> buffers_;
  int epoll_ = -1;
};

}  // namespace postern::load
