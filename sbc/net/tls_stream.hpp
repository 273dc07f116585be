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
  /// Octets of a ClientHello. Ours would take what it announces at once, up to 128 KiB.
  static constexpr std::size_t longest_hello = std::size_t{16} * 1024;

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
  /// The server's side, before anything is read: `done`: the first message may be read.
  [[nodiscard]] Status look_at_hello();

  std::unique_ptr<ssl_st, Free> ssl_;
  unsigned long error_ = 0;  ///< OpenSSL's
  bool waits_for_hello_ = false;
  bool seen_hello_ = false;
  bool failed_ = false;
};

}  // namespace postern::net
