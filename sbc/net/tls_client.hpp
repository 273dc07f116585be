// TLS toward the PBX: whom we believe, as OpenSSL has it, and the connections that ask it.
#pragma once

#include <memory>
#include <string>

#include "sbc/net/byte_stream.hpp"

struct ssl_ctx_st;

namespace postern::net {

/// Immutable; connections keep the one that they began with.
class TlsClient {
 public:
  /// `ca`: PEM file of who vouches for the other end; empty: any certificate will do. Throws StartError with the key "pbx.ca".
  static std::shared_ptr<const TlsClient> load(const std::string& ca);

  /// The client's end of a connection on `fd`, which must outlive it. `name` is the host name or address that the certificate must name
  /// where a `ca` was given. nullptr: OpenSSL has no memory.
  [[nodiscard]] std::unique_ptr<ByteStream> connect(int fd, const std::string& name) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;

  TlsClient(Context context, bool verifies) : context_(std::move(context)), verifies_(verifies) {}

  Context context_;
  bool verifies_;
};

}  // namespace postern::net
