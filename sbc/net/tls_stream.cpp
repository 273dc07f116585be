#include "sbc/net/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

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

TlsStream::Status TlsStream::handshake() {
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
  if (const long verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK)
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
