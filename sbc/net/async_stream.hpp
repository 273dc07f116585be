// A ByteStream as Boost.Beast wants a stream to be: its AsyncReadStream and AsyncWriteStream, for WebSocket to stand on. OpenSSL keeps no
// buffers for a connection that is idle; Asio's own stream of TLS keeps 34 KiB.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <memory>
#include <utility>

#include "acl/file_descriptor.hpp"
#include "sbc/net/byte_stream.hpp"

namespace postern::net {

class AsyncStream {
 public:
  using executor_type = boost::asio::io_context::executor_type;

  /// `stream` works on `socket`.
  AsyncStream(boost::asio::io_context& io, acl::FileDescriptor socket, std::unique_ptr<ByteStream> stream)
      : socket_(std::move(socket)), descriptor_(io.get_executor(), socket_.get()), stream_(std::move(stream)) {}
  ~AsyncStream() { close(); }
  AsyncStream(const AsyncStream&) = delete;
  AsyncStream& operator=(const AsyncStream&) = delete;

  executor_type get_executor() noexcept { return descriptor_.get_executor(); }

  /// Completes with (error, 0).
  template <class Token>
  auto async_handshake(Token&& token) {
    return until_done([this] { return ByteStream::Result{stream_->handshake(), 0}; }, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    const boost::asio::mutable_buffer into = *boost::asio::buffer_sequence_begin(buffers);
    return until_done([this, into] { return stream_->read({static_cast<char*>(into.data()), into.size()}); }, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return until_done([this, buffers] { return write(buffers); }, std::forward<Token>(token));
  }
  /// What is under way is aborted.
  void close() {
    if (!socket_) return;
    descriptor_.release();
    stream_.reset();
    socket_.reset();
  }

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<executor_type>;
  using Status = ByteStream::Status;
  using Error = boost::system::error_code;

  /// A small head and what follows it in one piece: one record of TLS, one segment.
  template <class Buffers>
  ByteStream::Result write(const Buffers& buffers) {
    std::array<char, 4096> together;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled as far as it is used
    const boost::asio::const_buffer first = *boost::asio::buffer_sequence_begin(buffers);
    if (first.size() >= together.size()) return stream_->write({static_cast<const char*>(first.data()), first.size()});
    const std::size_t size = boost::asio::buffer_copy(boost::asio::buffer(together), buffers);
    return stream_->write({together.data(), size});
  }

  static Error error_of(Status status) {
    if (status == Status::done) return {};
    return status == Status::ended ? Error(boost::asio::error::eof) : Error(boost::asio::error::connection_reset);
  }

  /// Tries again whenever the socket is ready; completes never within the call that began it.
  template <class Attempt, class Token>
  auto until_done(Attempt attempt, Token&& token) {
    auto step = [this, attempt = std::move(attempt), first = true, outcome = ByteStream::Result{Status::wants_read, 0}](
                    auto& self, Error error = {}) mutable {
      const auto waits = [&outcome] { return outcome.status == Status::wants_read || outcome.status == Status::wants_write; };
      if (!error && waits()) {
        if (socket_) {
          outcome = attempt();
        } else {
          error = boost::asio::error::operation_aborted;
        }
      }
      if (!error && waits()) {
        first = false;
        const auto side = outcome.status == Status::wants_read ? Descriptor::wait_read : Descriptor::wait_write;
        return descriptor_.async_wait(side, std::move(self));
      }
      if (std::exchange(first, false)) return boost::asio::post(get_executor(), std::move(self));
      self.complete(error ? error : error_of(outcome.status), outcome.size);
    };
    return boost::asio::async_compose<Token, void(Error, std::size_t)>(std::move(step), token, descriptor_);
  }

  acl::FileDescriptor socket_;
  Descriptor descriptor_;
  std::unique_ptr<ByteStream> stream_;
};

// What Boost.Beast asks of the streams that a WebSocket stands on.
inline void beast_close_socket(AsyncStream& stream) { stream.close(); }

inline void teardown(boost::beast::role_type /*role*/, AsyncStream& stream, boost::system::error_code& error) {
  stream.close();
  error = {};
}

template <class Handler>
void async_teardown(boost::beast::role_type /*role*/, AsyncStream& stream, Handler&& handler) {
  stream.close();
  boost::asio::post(stream.get_executor(), [handler = std::forward<Handler>(handler)]() mutable { handler(boost::system::error_code{}); });
}

}  // namespace postern::net
