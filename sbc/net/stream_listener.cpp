#include "sbc/net/stream_listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "sbc/net/socket_address.hpp"
#include "sbc/net/socket_option.hpp"
#include "sbc/net/streams.hpp"

namespace postern::net {
namespace {

constexpr int accepts_a_turn = 64;
constexpr std::chrono::milliseconds pause_time{200};

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

StreamListener::StreamListener(boost::asio::io_context& io, Streams& streams, const sbc::ListenerOptions& options, std::uint8_t slot,
                               const PortSharing& sharing)
    : streams_(streams),
      transport_(options.transport),
      slot_(slot),
      in_group_(sharing.in_group),
      asked_(options.bind),
      bound_(options.bind),
      socket_(::socket(family_of(options.bind.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      descriptor_(io),
      retry_(io) {
  if (!socket_) throw std::system_error(errno, std::generic_category());
  // Connections of an earlier run that are still being closed are in nobody's way.
  set_option(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!bound_.address.is_v4()) set_option(socket_.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (in_group_) Steering::close_ears(socket_.get());
  if (sharing.joins || sharing.beside) set_option(socket_.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  SocketAddress address{};
  socklen_t length = fill(address, bound_);
  if (::bind(socket_.get(), &address.any, length) != 0 || ::listen(socket_.get(), SOMAXCONN) != 0)
    throw std::system_error(errno, std::generic_category());
  length = sizeof address;
  if (::getsockname(socket_.get(), &address.any, &length) != 0) throw std::system_error(errno, std::generic_category());
  bound_.port = endpoint_of(address).port;
  set_option(socket_.get(), SOL_SOCKET, SO_REUSEPORT, in_group_ ? 1 : 0);
  descriptor_.assign(socket_.get());
}

StreamListener::~StreamListener() {
  if (descriptor_.is_open()) descriptor_.release();  // socket_ closes it
}

void StreamListener::share() {
  if (!in_group_) set_option(socket_.get(), SOL_SOCKET, SO_REUSEPORT, 1);
}

void StreamListener::unshare() noexcept {
  if (!in_group_) clear_option(socket_.get(), SOL_SOCKET, SO_REUSEPORT);
}

void StreamListener::start() {
  if (in_group_) Steering::open_ears(socket_.get());
  wait();
}

void StreamListener::close() {
  if (!socket_) return;
  accept_some();
  retry_.cancel();
  descriptor_.release();
  socket_.reset();
}

void StreamListener::wait() {
  if (!socket_) return;
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](auto error) {
    if (error || !self->socket_) return;
    if (self->accept_some()) return self->wait();
    self->streams_.on_accept_error();
    self->pause();
  });
}

/// Whoever waits to be accepted keeps the socket readable: without a pause that would be a loop.
void StreamListener::pause() {
  retry_.expires_after(pause_time);
  retry_.async_wait([self = shared_from_this()](auto error) {
    if (!error) self->wait();
  });
}

bool StreamListener::accept_some() {
  for (int i = 0; i < accepts_a_turn; ++i) {
    SocketAddress address{};
    socklen_t length = sizeof address;
    acl::FileDescriptor accepted(::accept4(socket_.get(), &address.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) {
      streams_.accepted(std::move(accepted), *this, endpoint_of(address));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    } else if (is_shortage(errno)) {
      return false;
    }
    // else: that one was gone before it was accepted
  }
  return true;
}

}  // namespace postern::net
