#include "sbc/net/core_links.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "sbc/net/opening.hpp"
#include "sbc/net/socket_address.hpp"
#include "sbc/net/socket_option.hpp"
#include "sbc/net/start_error.hpp"

namespace postern::net {
namespace {

using Status = ByteStream::Status;

std::string words_of(int error) { return std::generic_category().message(error); }

/// A socket that leaves from `bind` beside others that do.
acl::FileDescriptor bound_socket(const sbc::Endpoint& bind) {
  acl::FileDescriptor socket(::socket(family_of(bind.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) throw std::system_error(errno, std::generic_category());
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  SocketAddress address{};
  const socklen_t length = fill(address, bind);
  if (::bind(socket.get(), &address.any, length) != 0) throw std::system_error(errno, std::generic_category());
  return socket;
}

/// A PBX that is gone without a word is found out within half a minute, and our port is free at once for the next connection: without a
/// wait of a minute for octets that are still under way (TIME_WAIT).
void set_options(int fd) {
  constexpr int idle_seconds = 10;
  constexpr int probe_seconds = 5;
  constexpr int probes = 3;
  constexpr int unacknowledged_ms = 20'000;
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_seconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, probe_seconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, probes);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms);
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string_view reason_of(ConnectionEnd why) {
  switch (why) {
    case ConnectionEnd::peer_closed:
      return "the PBX closed it";
    case ConnectionEnd::handshake_timeout:
      return "nothing answered";
    case ConnectionEnd::not_sip:
      return "what came over it was not SIP";
    case ConnectionEnd::slow_reader:
      return "the PBX did not take what was sent";
    case ConnectionEnd::half_message:
      return "a message of the PBX did not end";
    default:
      return connection_end_words.at(static_cast<std::size_t>(why));
  }
}

}  // namespace

struct CoreLinks::Link : std::enable_shared_from_this<Link> {
  Link(boost::asio::io_context& io, const sbc::Endpoint& address) : pbx(address), timer(io) {}

  sbc::Endpoint pbx;
  boost::asio::steady_timer timer;
  std::uint64_t connection = 0;  ///< 0: none
  bool open = false;             ///< the handshake is done
  std::string failure;           ///< why it failed, in the system's words
  std::chrono::milliseconds wait = first_retry;
};

/// What a link's connection works on: waits until the socket is connected, and tells the link what becomes of it.
class CoreLinks::LinkStream final : public ByteStream {
 public:
  LinkStream(int fd, std::unique_ptr<ByteStream> inner, std::shared_ptr<Link> link, CoreLinkWatcher& watcher)
      : fd_(fd), inner_(std::move(inner)), link_(std::move(link)), watcher_(watcher) {}

  Status handshake() override;
  Result read(std::span<char> into) override { return noted(inner_->read(into)); }
  Result write(std::string_view octets) override { return noted(inner_->write(octets)); }
  [[nodiscard]] bool has_more() const override { return inner_->has_more(); }
  [[nodiscard]] std::string failure() const override { return link_->failure; }
  void finish() override { inner_->finish(); }

 private:
  Status connected();
  Result noted(Result result) {
    if (result.status == Status::failed) link_->failure = inner_->failure();
    return result;
  }

  int fd_;
  std::unique_ptr<ByteStream> inner_;
  std::shared_ptr<Link> link_;
  CoreLinkWatcher& watcher_;
  bool connected_ = false;
};

Status CoreLinks::LinkStream::connected() {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) {
    link_->failure = words_of(error);
    return Status::failed;
  }
  SocketAddress peer{};
  length = sizeof peer;
  return ::getpeername(fd_, &peer.any, &length) == 0 ? Status::done : Status::wants_write;
}

Status CoreLinks::LinkStream::handshake() {
  if (!connected_) {
    if (const Status status = connected(); status != Status::done) return status;
    connected_ = true;
  }
  const Status status = noted({inner_->handshake(), 0}).status;
  if (status == Status::done) {
    link_->open = true;
    link_->wait = first_retry;
    watcher_.on_linked(link_->pbx);
  }
  return status;
}

CoreLinks::CoreLinks(boost::asio::io_context& io, Streams& streams, CoreLinkWatcher& watcher, const sbc::PbxOptions& pbx,
                     const sbc::Endpoint& bind)
    : io_(io), streams_(streams), watcher_(watcher), transport_(pbx.transport) {
  try {
    reserve(bind);
  } catch (const std::system_error& error) {
    throw StartError(
        fmt::format("pbx.bind: cannot use tcp {}: {}: {}", bind.to_string(), error.code().message(), bind_advice(error.code(), 't', bind)),
        "pbx.bind");
  }
  apply(pbx);
}

CoreLinks::~CoreLinks() { stop(); }

void CoreLinks::reserve(const sbc::Endpoint& bind) {
  if (transport_ == sbc::Transport::tcp) {
    sbc::ListenerOptions options;
    options.transport = transport_;
    options.bind = bind;
    listener_ = std::make_shared<StreamListener>(io_, streams_, options, sbc::no_listener, true);
    listener_->share(true);
    bound_ = listener_->bound();
    return;
  }
  reserved_ = bound_socket(bind);
  SocketAddress address{};
  socklen_t length = sizeof address;
  if (::getsockname(reserved_.get(), &address.any, &length) != 0) throw std::system_error(errno, std::generic_category());
  bound_ = endpoint_of(address);
}

void CoreLinks::start() {
  running_ = true;
  if (listener_ != nullptr) listener_->start();
  for (const auto& link : links_) connect(*link);
}

void CoreLinks::stop() {
  running_ = false;
  if (listener_ != nullptr) listener_->close();
  for (const auto& link : links_) link->timer.cancel();
}

void CoreLinks::apply(const sbc::PbxOptions& pbx) {
  if (transport_ == sbc::Transport::tls) tls_ = TlsClient::load(pbx.ca);
  domain_ = pbx.domain.value_or("");
  std::vector<std::shared_ptr<Link>> before = std::exchange(links_, {});
  for (const sbc::Endpoint& address : pbx.addresses) {
    const auto known = std::ranges::find(before, address, [](const auto& link) { return link->pbx; });
    links_.push_back(known != before.end() ? *known : std::make_shared<Link>(io_, address));
    if (known == before.end() && running_) connect(*links_.back());
  }
  for (const auto& link : before) {
    if (std::ranges::find(links_, link) != links_.end()) continue;
    link->timer.cancel();
    streams_.close(link->connection);
  }
}

CoreLinks::Link* CoreLinks::find(const sbc::Endpoint& pbx) {
  const auto found = std::ranges::find(links_, pbx, [](const auto& link) { return link->pbx; });
  return found == links_.end() ? nullptr : found->get();
}

std::unique_ptr<ByteStream> CoreLinks::stream_for(Link& link, int fd) const {
  std::unique_ptr<ByteStream> inner;
  if (tls_ != nullptr) {
    inner = tls_->connect(fd, domain_.empty() ? link.pbx.address.to_string() : domain_);
  } else {
    inner = std::make_unique<PlainStream>(fd);
  }
  if (inner == nullptr) return nullptr;
  return std::make_unique<LinkStream>(fd, std::move(inner), link.shared_from_this(), watcher_);
}

void CoreLinks::connect(Link& link) {
  link.open = false;
  link.failure.clear();
  try {
    acl::FileDescriptor socket = bound_socket(bound_);
    set_options(socket.get());
    SocketAddress address{};
    const socklen_t length = fill(address, link.pbx);
    if (::connect(socket.get(), &address.any, length) != 0 && errno != EINPROGRESS) return retry(link, words_of(errno));
    std::unique_ptr<ByteStream> stream = stream_for(link, socket.get());
    if (stream == nullptr) return retry(link, "OpenSSL has no memory");
    sbc::Flow flow;
    flow.side = sbc::Side::core;
    flow.transport = transport_;
    flow.listener = sbc::no_listener;
    flow.local = bound_.address;
    flow.peer = link.pbx;
    flow.connection = link.connection = streams_.next_id();
    streams_.add_core(flow, std::move(socket), std::move(stream));
  } catch (const std::system_error& error) {
    retry(link, error.code().message());
  }
}

void CoreLinks::retry(Link& link, const std::string& why) {
  link.connection = 0;
  watcher_.on_unlinked(link.pbx, why);
  link.timer.expires_after(link.wait);
  link.wait = std::min(link.wait * 2, longest_retry);
  link.timer.async_wait([this, self = link.shared_from_this()](auto error) {
    if (!error && running_ && find(self->pbx) == self.get()) connect(*self);
  });
}

void CoreLinks::send(const sbc::Flow& flow, std::string_view message) {
  sbc::Flow by = flow;
  const auto accepted = accepted_.find(flow.peer);
  if (accepted != accepted_.end()) {
    by.connection = accepted->second;
  } else {
    // Its own connection is gone: it listens where ours goes (RFC 3261 §18.2.2).
    const auto link = std::ranges::find_if(links_, [&](const auto& one) {
      return one->pbx == flow.peer || (one->pbx.address == flow.peer.address && find(flow.peer) == nullptr);
    });
    by.connection = link == links_.end() ? 0 : (*link)->connection;
  }
  streams_.send(by, message);
}

bool CoreLinks::on_connected(const sbc::Flow& flow) {
  const bool is_pbx = std::ranges::any_of(links_, [&](const auto& link) { return link->pbx.address == flow.peer.address; });
  if (is_pbx) accepted_[flow.peer] = flow.connection;
  return is_pbx;
}

void CoreLinks::on_disconnected(const sbc::Flow& flow, ConnectionEnd why) {
  if (const auto accepted = accepted_.find(flow.peer); accepted != accepted_.end() && accepted->second == flow.connection) {
    accepted_.erase(accepted);
    return;
  }
  Link* link = find(flow.peer);
  if (link == nullptr || link->connection != flow.connection || !running_) return;
  const std::string reason = link->failure.empty() ? std::string(reason_of(why)) : link->failure;
  retry(*link, fmt::format("{}: {}", link->open ? "the connection has ended" : "cannot be connected to", reason));
}

}  // namespace postern::net
