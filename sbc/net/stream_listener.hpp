// A TCP socket that connections are accepted from.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "acl/file_descriptor.hpp"
#include "sbc/flow.hpp"
#include "sbc/net/tls_context.hpp"
#include "sbc/net/worker_place.hpp"
#include "sbc/options.hpp"

namespace postern::net {

class Streams;

class StreamListener : public std::enable_shared_from_this<StreamListener> {
 public:
  /// Binds and listens; one of several workers' hears nobody before start(). Throws std::system_error.
  StreamListener(boost::asio::io_context& io, Streams& streams, const sbc::ListenerOptions& options, std::uint8_t slot,
                 const PortSharing& sharing);
  ~StreamListener();
  StreamListener(const StreamListener&) = delete;
  StreamListener& operator=(const StreamListener&) = delete;

  /// What the next connections get.
  struct Settings {
    std::string name;
    std::shared_ptr<const TlsContext> tls;  ///< tls and wss
    std::vector<std::string> origins;       ///< ws and wss
  };

  /// All workers' are open.
  void start();
  /// Accepts who has come already, and nobody else.
  void close();
  /// Another socket of ours may have its port as well, until unshare().
  void share();
  void unshare() noexcept;

  [[nodiscard]] const sbc::Endpoint& bound() const { return bound_; }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const sbc::Endpoint& asked() const { return asked_; }
  [[nodiscard]] sbc::Transport transport() const { return transport_; }
  [[nodiscard]] std::uint8_t slot() const { return slot_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  void set(Settings settings) { settings_ = std::move(settings); }

 private:
  void wait();
  void pause();
  /// False: the system has no room for another.
  bool accept_some();

  Streams& streams_;
  sbc::Transport transport_;
  std::uint8_t slot_;
  bool in_group_;
  sbc::Endpoint asked_;  ///< where the configuration wants it; port 0: any
  sbc::Endpoint bound_;
  acl::FileDescriptor socket_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer retry_;
  Settings settings_;
};

}  // namespace postern::net
