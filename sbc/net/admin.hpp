// The admin endpoint: /metrics, /healthz and /readyz over HTTP.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "sbc/flow.hpp"

namespace postern::net {

struct AdminPages {
  /// Gives the Prometheus text to `done`, at once or later, on the same thread.
  std::function<void(std::function<void(std::string)> done)> metrics;
  std::function<bool()> ready;  ///< packets are being handled
};

/// Answers GET and HEAD; a bounded number of connections, each with a bounded time for a request of a bounded size. Everything runs on
/// the io_context's thread.
class Admin {
 public:
  static constexpr std::size_t max_connections = 16;  ///< one more is closed at once
  static constexpr std::size_t max_request = 8192;    ///< bytes of header; a body is not read
  static constexpr std::chrono::seconds timeout{10};  ///< for a request to arrive, and for a response to leave

  /// Listens at once. Throws boost::system::system_error. `io` must outlive it.
  Admin(boost::asio::io_context& io, const sbc::Endpoint& bind, AdminPages pages);
  /// Closes the listening socket; connections end by themselves or with the io_context.
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  /// With the port that the kernel chose for 0.
  [[nodiscard]] sbc::Endpoint bound() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace postern::net
