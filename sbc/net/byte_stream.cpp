#include "sbc/net/byte_stream.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace postern::net {
namespace {

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

ByteStream::Result PlainStream::read(std::span<char> into) {
  ssize_t got = -1;
  do {
    got = ::recv(fd_, into.data(), into.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return {Status::done, static_cast<std::size_t>(got)};
  if (got == 0) return {Status::ended, 0};
  return {would_block() ? Status::wants_read : Status::failed, 0};
}

ByteStream::Result PlainStream::write(std::string_view octets) {
  ssize_t sent = -1;
  do {
    sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {Status::done, static_cast<std::size_t>(sent)};
  return {would_block() ? Status::wants_write : Status::failed, 0};
}

void PlainStream::finish() { ::shutdown(fd_, SHUT_WR); }

}  // namespace postern::net
