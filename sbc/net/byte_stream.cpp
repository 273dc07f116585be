#include "sbc/net/byte_stream.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace postern::net {

PlainStream::Status PlainStream::failed(Status when_it_would_block) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return when_it_would_block;
  error_ = errno;
  return Status::failed;
}

ByteStream::Result PlainStream::read(std::span<char> into) {
  ssize_t got = -1;
  do {
    got = ::recv(fd_, into.data(), into.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return {Status::done, static_cast<std::size_t>(got)};
  if (got == 0) return {Status::ended, 0};
  return {failed(Status::wants_read), 0};
}

ByteStream::Result PlainStream::write(std::string_view octets) {
  ssize_t sent = -1;
  do {
    sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {Status::done, static_cast<std::size_t>(sent)};
  return {failed(Status::wants_write), 0};
}

std::string PlainStream::failure() const { return error_ == 0 ? std::string() : std::generic_category().message(error_); }

void PlainStream::finish() { ::shutdown(fd_, SHUT_WR); }

}  // namespace postern::net
