// Which worker the packets of a source come to: the kernel asks a program of ours, and so do we.
#pragma once

#include <cstdint>

#include "acl/address.hpp"

namespace postern::net {

/// Steers by an IPv4 address or an IPv6 /64, as all that is counted by source is. `seed`: the same over restarts, so that a source meets
/// the worker that it met before, and a secret, so that nobody can choose addresses that all meet the same one.
class Steering {
 public:
  /// `workers` >= 1.
  Steering(std::uint16_t workers, std::uint32_t seed) : workers_(workers), seed_(seed) {}

  [[nodiscard]] std::uint16_t workers() const { return workers_; }
  [[nodiscard]] std::uint16_t worker_of(const acl::Address& source) const;

  /// Steers what comes to the group of sockets (SO_REUSEPORT) that `fd` is the last of, each of its worker and in their order, with a
  /// classic BPF program: UDP, or TCP connections. Throws std::system_error.
  void attach(int fd) const;

  /// While its group is not complete a socket would get what is for others: nothing comes to it, until then. Newer kernels let nobody but
  /// CAP_NET_ADMIN do that to a TCP socket; without it some connections come to the wrong worker, which has to close them.
  static void close_ears(int fd);
  static void open_ears(int fd);

 private:
  std::uint16_t workers_;
  std::uint32_t seed_;
};

}  // namespace postern::net
