#include "sbc/net/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace postern::net {

void TlsStream::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

/// What OpenSSL keeps of earlier failures, of whatever connection, would be taken for this one's.
TlsStream::Status TlsStream::status_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Status::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Status::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Status::ended;
    default:
      failed_ = true;
      error_ = ERR_peek_error();
      ERR_clear_error();
      return Status::failed;
  }
}

TlsStream::Status TlsStream::look_at_hello() {
  // Record: type, version (2), length (2); handshake message: type, length (3). RFC 8446 §5.1, §4.
  std::array<unsigned char, 9> head{};
  const int fd = SSL_get_fd(ssl_.get());
  const ssize_t got = ::recv(fd, head.data(), head.size(), MSG_PEEK | MSG_DONTWAIT);
  const bool would_block = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (would_block || (got > 0 && got < static_cast<ssize_t>(head.size()))) {
    // Nobody wakes us for less; whoever is woken all the same has been left by his peer.
    if (std::exchange(waits_for_hello_, true)) return Status::failed;
    const int wanted = static_cast<int>(head.size());
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
    return Status::wants_read;
  }
  if (got <= 0 || head[0] != SSL3_RT_HANDSHAKE) return Status::failed;
  const int any = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof any);
  const std::size_t announced = std::size_t{head[6]} << 16U | std::size_t{head[7]} << 8U | head[8];
  return announced <= longest_hello ? Status::done : Status::failed;
}

TlsStream::Status TlsStream::handshake() {
  if (!seen_hello_ && SSL_is_server(ssl_.get()) == 1) {
    if (const Status status = look_at_hello(); status != Status::done) return status;
    seen_hello_ = true;
  }
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Status::done : status_of(result);
}

ByteStream::Result TlsStream::read(std::span<char> into) {
  std::size_t size = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &size);
  return result == 1 ? Result{Status::done, size} : Result{status_of(result), 0};
}

ByteStream::Result TlsStream::write(std::string_view octets) {
  std::size_t size = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &size);
  return result == 1 ? Result{Status::done, size} : Result{status_of(result), 0};
}

bool TlsStream::has_more() const { return SSL_has_pending(ssl_.get()) == 1; }

std::string TlsStream::failure() const {
  // Without a CA OpenSSL looks at the certificate all the same, and minds nothing.
  const bool verifies = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE && SSL_is_init_finished(ssl_.get()) == 0;
  if (const long verdict = SSL_get_verify_result(ssl_.get()); verifies && verdict != X509_V_OK)
    return std::string("its certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
  const char* text = error_ == 0 ? nullptr : ERR_reason_error_string(error_);
  return text == nullptr ? std::string() : std::string("TLS: ") + text;
}

void TlsStream::finish() {
  if (failed_) return;
  ERR_clear_error();
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
  ::shutdown(SSL_get_fd(ssl_.get()), SHUT_WR);
}

}  // namespace postern::net
