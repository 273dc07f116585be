// The connections to a PBX that is reached over TCP or TLS: one of ours to each of its addresses, made again whenever it ends, and those
// that the PBX makes to us.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "acl/file_descriptor.hpp"
#include "sbc/flow.hpp"
#include "sbc/net/stream_listener.hpp"
#include "sbc/net/streams.hpp"
#include "sbc/net/tls_client.hpp"
#include "sbc/options.hpp"

namespace postern::net {

/// Whom they tell: the worker.
class CoreLinkWatcher {
 public:
  CoreLinkWatcher() = default;
  virtual ~CoreLinkWatcher() = default;
  CoreLinkWatcher(const CoreLinkWatcher&) = delete;
  CoreLinkWatcher& operator=(const CoreLinkWatcher&) = delete;

  virtual void on_linked(const sbc::Endpoint& pbx) = 0;
  /// It has ended, or could not be made; it is tried again.
  virtual void on_unlinked(const sbc::Endpoint& pbx, const std::string& why) = 0;
};

/// All leave from `pbx.bind`, so that a PBX finds them by the address in our Contacts. TCP also listens there; over TLS the PBX has only
/// the connections that we make.
class CoreLinks {
 public:
  static constexpr std::chrono::milliseconds first_retry{200}, longest_retry{5'000};
  static constexpr std::size_t most_accepted = 64;                      ///< of one address
  static constexpr std::size_t most_waiting = std::size_t{256} * 1024;  ///< octets for a connection that is to be made

  /// Binds `bind`, port 0: any. Throws StartError. All must outlive it.
  CoreLinks(boost::asio::io_context& io, Streams& streams, CoreLinkWatcher& watcher, const sbc::PbxOptions& pbx, const sbc::Endpoint& bind);
  ~CoreLinks();
  CoreLinks(const CoreLinks&) = delete;
  CoreLinks& operator=(const CoreLinks&) = delete;

  [[nodiscard]] const sbc::Endpoint& bound() const { return bound_; }
  void start();
  void stop();
  /// What of a reload may fail: who vouches for the addresses. Throws StartError. nullptr: nobody has to.
  [[nodiscard]] std::shared_ptr<const TlsClient> prepare(const sbc::PbxOptions& pbx) const;
  /// What a reload may change: the addresses, and what prepare() gave for them.
  void apply(const sbc::PbxOptions& pbx, std::shared_ptr<const TlsClient> tls);

  /// To whom is at flow.peer's address: by flow.connection if that is one of his own and still there, by our connection, else by one of the
  /// PBX's own, else by the next. What the next would not take is gone.
  void send(const sbc::Flow& flow, std::string_view message);
  /// Of a connection that the PBX makes: whether it may stay.
  bool on_connected(const sbc::Flow& flow);
  /// Who is at the other end, by whichever connection: the address that is configured.
  [[nodiscard]] sbc::Endpoint end_of(const sbc::Flow& flow) const;
  void on_disconnected(const sbc::Flow& flow, ConnectionEnd why);

 private:
  struct Link;
  class LinkStream;

  void reserve(const sbc::Endpoint& bind);
  [[nodiscard]] std::unique_ptr<ByteStream> stream_for(Link& link, int fd) const;
  void connect(Link& link);
  void retry(Link& link, const std::string& why);
  [[nodiscard]] Link* find(const acl::Address& pbx) const;

  boost::asio::io_context& io_;
  Streams& streams_;
  CoreLinkWatcher& watcher_;
  sbc::Transport transport_;
  std::string domain_;
  std::shared_ptr<const TlsClient> tls_;
  sbc::Endpoint bound_;
  acl::FileDescriptor reserved_;  ///< TLS: keeps the port ours while there is no connection
  std::shared_ptr<StreamListener> listener_;
  std::vector<std::shared_ptr<Link>> links_;  ///< by place in the list of addresses, each of which is of another host
  bool running_ = false;
};

}  // namespace postern::net
