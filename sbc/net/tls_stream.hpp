// An end of a TLS connection over a socket that never blocks.
#pragma once

#include <memory>

#include "sbc/net/byte_stream.hpp"

struct ssl_st;

namespace postern::net {

class TlsStream final : public ByteStream {
 public:
  /// Takes `ssl` over, which has its socket and its side.
  explicit TlsStream(ssl_st* ssl) : ssl_(ssl) {}

  Status handshake() override;
  Result read(std::span<char> into) override;
  Result write(std::string_view octets) override;
  [[nodiscard]] bool has_more() const override;
  [[nodiscard]] std::string failure() const override;
  void finish() override;

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  Status status_of(int result);

  std::unique_ptr<ssl_st, Free> ssl_;
  unsigned long error_ = 0;  ///< OpenSSL's
  bool failed_ = false;
};

}  // namespace postern::net
