#include "sbc/net/core_links.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
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

/// Our port is free at once for the next connection, without a wait of a minute for octets that are still under way (TIME_WAIT).
void end_by_reset(int fd) {
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
    case ConnectionEnd::handshake_failed:
      return "the handshake failed";
    case ConnectionEnd::error:
      return "the connection broke";
    default:
      return connection_end_words.at(static_cast<std::size_t>(why));
  }
}

}  // namespace

struct CoreLinks::Link : std::enable_shared_from_this<Link> {
  Link(boost::asio::io_context& io, const sbc::Endpoint& address) : pbx(address), timer(io) {}

  sbc::Endpoint pbx;
  boost::asio::steady_timer timer;
  std::uint64_t connection = 0;              ///< ours; 0: none, the timer runs
  std::optional<acl::TimePoint> open_since;  ///< the handshake was done
  std::vector<std::uint64_t> accepted;       ///< the PBX's own, the latest last
  std::string waiting;                       ///< messages for the next connection
  std::string failure;                       ///< why the last one failed, in the system's words
  std::chrono::milliseconds retry_in = first_retry;
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
    link_->open_since = acl::Clock::now();
    watcher_.on_linked(link_->pbx);
  }
  return status;
}

CoreLinks::CoreLinks(boost::asio::io_context& io, Streams& streams, CoreLinkWatcher& watcher, const sbc::PbxOptions& pbx,
                     const sbc::Endpoint& bind)
    : io_(io), streams_(streams), watcher_(watcher), transport_(pbx.transport) {
  opened({"pbx.bind: cannot use", 't', bind, "pbx.bind"}, [&] { reserve(bind); });
  apply(pbx, prepare(pbx));
}

CoreLinks::~CoreLinks() { stop(); }

void CoreLinks::reserve(const sbc::Endpoint& bind) {
  if (transport_ == sbc::Transport::tcp) {
    sbc::ListenerOptions options;
    options.transport = transport_;
    options.bind = bind;
    listener_ = std::make_shared<StreamListener>(io_, streams_, options, sbc::no_listener, PortSharing{.beside = true});
    listener_->share();
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

std::shared_ptr<const TlsClient> CoreLinks::prepare(const sbc::PbxOptions& pbx) const {
  return transport_ == sbc::Transport::tls ? TlsClient::load(pbx.ca) : nullptr;
}

void CoreLinks::apply(const sbc::PbxOptions& pbx, std::shared_ptr<const TlsClient> tls) {
  tls_ = std::move(tls);
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
    for (const std::uint64_t accepted : std::exchange(link->accepted, {})) streams_.close(accepted);
  }
}

CoreLinks::Link* CoreLinks::find(const acl::Address& pbx) const {
  const auto found = std::ranges::find(links_, pbx, [](const auto& link) { return link->pbx.address; });
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
  link.failure.clear();
  try {
    acl::FileDescriptor socket = bound_socket(bound_);
    end_by_reset(socket.get());
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
    if (!link.waiting.empty()) streams_.send(flow, std::exchange(link.waiting, {}));
  } catch (const std::system_error& error) {
    retry(link, error.code().message());
  }
}

void CoreLinks::retry(Link& link, const std::string& why) {
  // One that stood for a while had no trouble with us; one that ends at once shall not keep us busy.
  if (link.open_since && acl::Clock::now() - *link.open_since >= longest_retry) link.retry_in = first_retry;
  link.connection = 0;
  link.open_since.reset();
  link.waiting.clear();  // who asked is told so now
  watcher_.on_unlinked(link.pbx, why);
  link.timer.expires_after(link.retry_in);
  link.retry_in = std::min(link.retry_in * 2, longest_retry);
  link.timer.async_wait([this, self = link.shared_from_this()](auto error) {
    if (!error && running_ && find(self->pbx.address) == self.get()) connect(*self);
  });
}

void CoreLinks::send(const sbc::Flow& flow, std::string_view message) {
  Link* link = find(flow.peer.address);
  if (link == nullptr) return;  // a reload has taken it away
  sbc::Flow by = flow;
  // An answer, by the PBX's own connection that its request came over (RFC 3261 §18.2.2).
  const bool asked_by = std::ranges::find(link->accepted, flow.connection) != link->accepted.end();
  if (!asked_by) by.connection = link->open_since || link->accepted.empty() ? link->connection : link->accepted.back();
  if (by.connection != 0) {
    streams_.send(by, message);
  } else if (link->waiting.size() + message.size() <= most_waiting) {
    link->waiting += message;
  }
}

bool CoreLinks::on_connected(const sbc::Flow& flow) {
  Link* link = find(flow.peer.address);
  if (link == nullptr || link->accepted.size() == most_accepted) return false;
  link->accepted.push_back(flow.connection);
  return true;
}

sbc::Endpoint CoreLinks::end_of(const sbc::Flow& flow) const {
  const Link* link = find(flow.peer.address);
  return link == nullptr ? flow.peer : link->pbx;
}

void CoreLinks::on_disconnected(const sbc::Flow& flow, ConnectionEnd why) {
  Link* link = find(flow.peer.address);
  if (link == nullptr || !running_ || std::erase(link->accepted, flow.connection) != 0 || link->connection != flow.connection) return;
  const std::string reason = link->failure.empty() ? std::string(reason_of(why)) : link->failure;
  retry(*link, fmt::format("{}: {}", link->open_since ? "the connection has ended" : "cannot be connected to", reason));
}

}  // namespace postern::net
