#include "sbc/net/octet_connection.hpp"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <span>
#include <utility>

#include "sbc/net/streams.hpp"

namespace postern::net {

using Status = ByteStream::Status;

OctetConnection::OctetConnection(boost::asio::io_context& io, Streams& streams, const sbc::Flow& flow, acl::FileDescriptor socket,
                                 std::unique_ptr<ByteStream> stream)
    : StreamConnection(io, streams, flow),
      socket_(std::move(socket)),
      descriptor_(io.get_executor(), socket_.get()),
      stream_(std::move(stream)) {}

OctetConnection::~OctetConnection() {
  if (descriptor_.is_open()) descriptor_.release();  // socket_ closes it
}

void OctetConnection::close_socket() {
  if (open_ && !broken_) stream_->finish();
  if (closing()) discard_unread();
  descriptor_.release();
  socket_.reset();
  stream_.reset();
  release(held_.size() + unsent_.size());
  std::string().swap(held_);
  std::string().swap(unsent_);
}

/// The system tells the peer of octets that nobody read by a reset, and that would overtake our last answer.
void OctetConnection::discard_unread() {
  constexpr std::size_t most = std::size_t{1} << 20;
  const ssize_t discarded = ::recv(socket_.get(), nullptr, most, MSG_TRUNC | MSG_DONTWAIT);
  static_cast<void>(discarded);
}

void OctetConnection::shake_hands() {
  const Status status = stream_->handshake();
  if (status == Status::failed || status == Status::ended) return end(ConnectionEnd::handshake_failed);
  if (status != Status::done) return wait(status);
  open_ = true;
  handshake_done();
  turn();
}

void OctetConnection::wait(Status what) {
  bool& waits = what == Status::wants_write ? waits_write_ : waits_read_;
  if (waits || ended()) return;
  waits = true;
  const auto side = what == Status::wants_write ? Descriptor::wait_write : Descriptor::wait_read;
  descriptor_.async_wait(side, [self = std::static_pointer_cast<OctetConnection>(shared_from_this()), &waits](auto error) {
    waits = false;
    if (error || self->ended()) return;
    if (self->open_) return self->turn();
    self->shake_hands();
  });
}

/// Others come first.
void OctetConnection::turn_again() {
  boost::asio::post(io(), [self = std::static_pointer_cast<OctetConnection>(shared_from_this())] {
    if (!self->ended()) self->turn();
  });
}

void OctetConnection::turn() {
  if (!unsent_.empty() && !write_unsent()) return end(ConnectionEnd::error);
  sent();
  if (ended() || closing()) return;
  if (std::exchange(backlog_, false)) {
    hold(take_messages(held_));
    turn_over();
    if (!ended() && !closing()) turn_again();
    return;
  }
  read();
}

void OctetConnection::read() {
  const std::span<char> buffer = streams().read_buffer();
  const ByteStream::Result got = stream_->read(buffer);
  if (got.status == Status::ended) return end(ConnectionEnd::peer_closed);
  if (got.status == Status::failed) return end(ConnectionEnd::error);
  if (got.status != Status::done) return wait(got.status);
  const std::string_view octets(buffer.data(), got.size);
  if (held_.empty()) {
    hold(take_messages(octets));
  } else {
    held_.append(octets);
    reserve(octets.size());
    hold(take_messages(held_));
  }
  turn_over();
  if (ended() || closing()) return;
  if (!held_.empty() && over_pool()) return end(ConnectionEnd::memory);
  if (backlog_ || stream_->has_more()) return turn_again();
  wait(Status::wants_read);
}

std::string_view OctetConnection::take_messages(std::string_view octets) {
  for (int i = 0; !octets.empty(); ++i) {
    if (i == messages_a_turn) {
      backlog_ = true;
      break;
    }
    const StreamFramer::Piece piece = framer_.next(octets);
    if (piece.kind == StreamFramer::Kind::incomplete) break;
    octets.remove_prefix(piece.bytes.size());
    take_piece(piece);
    if (ended() || closing()) return {};
  }
  return octets;
}

void OctetConnection::take_piece(const StreamFramer::Piece& piece) {
  if (!deliver(piece.bytes)) return;
  if (piece.kind == StreamFramer::Kind::ping) write(keep_alive_pong);
  if (piece.kind == StreamFramer::Kind::broken) close_when_sent(ConnectionEnd::not_sip);
}

void OctetConnection::hold(std::string_view octets) {
  if (ended()) return;
  const std::size_t before = held_.size();
  const bool same_message = before != 0 && octets.size() == before;
  if (octets.empty()) {
    std::string().swap(held_);
  } else if (before != 0) {
    held_.erase(0, before - octets.size());
  } else {
    held_ = octets;
  }
  release(before);
  reserve(held_.size());
  if (!same_message) message_boundary();
}

/// False: it broke. What it could not write stays in `octets`.
bool OctetConnection::write_some(std::string_view& octets) {
  while (!octets.empty()) {
    const ByteStream::Result result = stream_->write(octets);
    if (result.status == Status::failed || result.status == Status::ended) return false;
    if (result.status != Status::done) {
      wait(result.status);
      return true;
    }
    octets.remove_prefix(result.size);
  }
  return true;
}

bool OctetConnection::write_unsent() {
  std::string_view rest = unsent_;
  const bool good = write_some(rest);
  const std::size_t done = unsent_.size() - rest.size();
  release(done);
  if (rest.empty()) {
    std::string().swap(unsent_);
  } else {
    unsent_.erase(0, done);
  }
  return good;
}

/// What the peer has got of a message is all that it gets.
void OctetConnection::break_off(ConnectionEnd why) {
  broken_ = true;
  end_later(why);
}

void OctetConnection::write(std::string_view message) {
  if (broken_) return;
  if (open_ && unsent_.empty() && !write_some(message)) return break_off(ConnectionEnd::error);
  if (message.empty()) return;
  if (unsent_.size() + message.size() > most_unsent()) return break_off(ConnectionEnd::slow_reader);
  if (over_pool()) return break_off(ConnectionEnd::memory);
  unsent_.append(message);
  reserve(message.size());
}

}  // namespace postern::net
