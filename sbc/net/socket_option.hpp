// Options of sockets (setsockopt(2)).
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace postern::net {

/// Throws std::system_error.
inline void set_option(int fd, int level, int name, int value) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) throw std::system_error(errno, std::generic_category());
}

/// Of a flag that could be set: nothing can be done where that fails.
inline void clear_option(int fd, int level, int name) noexcept {
  constexpr int off = 0;
  ::setsockopt(fd, level, name, &off, sizeof off);
}

}  // namespace postern::net
