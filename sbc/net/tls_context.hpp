// TLS of one listener: its certificate, key and rules as OpenSSL has them, and the connections that use them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sbc/net/byte_stream.hpp"
#include "sbc/options.hpp"

struct ssl_ctx_st;

namespace postern::net {

struct TlsProblem {
  std::string key;  ///< below `tls`: "certificate", "private_key", "client_ca"
  std::string message;
  bool fatal = true;  ///< false: a warning
};

/// Immutable; connections keep the one that they began with.
class TlsContext {
 public:
  /// A certificate that ends sooner is worth a warning.
  static constexpr std::chrono::days soon{14};

  /// Reads the files. nullptr: there are fatal problems. `now`: certificates begin and end by the calendar.
  static std::shared_ptr<const TlsContext> load(const sbc::TlsOptions& options, std::chrono::system_clock::time_point now,
                                                std::vector<TlsProblem>& problems);

  /// The server's end of a connection on `fd`, which must outlive it. nullptr: OpenSSL has no memory.
  [[nodiscard]] std::unique_ptr<ByteStream> accept(int fd) const;
  /// Whether the certificate is for this host name or address.
  [[nodiscard]] bool is_for(const std::string& host) const;
  /// Whether it is for any address at all.
  [[nodiscard]] bool is_for_an_address() const;
  /// When the certificate ends.
  [[nodiscard]] std::chrono::system_clock::time_point not_after() const { return not_after_; }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;

  TlsContext(Context context, std::chrono::system_clock::time_point not_after) : context_(std::move(context)), not_after_(not_after) {}

  Context context_;
  std::chrono::system_clock::time_point not_after_;
};

}  // namespace postern::net
