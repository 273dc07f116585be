#include "sbc/net/web_socket.hpp"

#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <string>
#include <utility>

#include "sbc/net/async_stream.hpp"
#include "sbc/net/escape.hpp"
#include "sbc/net/stream_framer.hpp"
#include "sbc/net/streams.hpp"
#include "sbc/net/web_handshake.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

constexpr std::size_t longest_request = std::size_t{8} * 1024;
/// A ping goes out after half of it: routers and web proxies forget what is silent for a minute.
constexpr std::chrono::seconds silence{60};

class WebSocket final : public StreamConnection {
 public:
  WebSocket(asio::io_context& io, Streams& streams, const sbc::Flow& flow, std::vector<std::string> origins, acl::FileDescriptor socket,
            std::unique_ptr<ByteStream> stream)
      : StreamConnection(io, streams, flow), stream_(io, std::move(socket), std::move(stream)), origins_(std::move(origins)) {}

 private:
  using Parser = http::request_parser<http::empty_body>;

  void begin() override;
  void write(std::string_view message) override;
  void close_socket() override;
  [[nodiscard]] bool all_sent() const override { return unsent_.empty(); }
  [[nodiscard]] bool inside_message() const override { return held_octets_ != 0; }

  std::shared_ptr<WebSocket> self() { return std::static_pointer_cast<WebSocket>(shared_from_this()); }
  void read_request();
  void on_request(Parser& parser);
  void refuse(WebResponse response);
  void accept(const WebRequest& request);
  void read();
  void on_read(std::size_t size);
  void take_message();
  void write_next();
  void on_written();

  websocket::stream<AsyncStream, false> stream_;
  std::vector<std::string> origins_;
  beast::flat_buffer buffer_;
  std::deque<std::string> unsent_;  ///< the first is being written
  std::size_t unsent_octets_ = 0;
  std::size_t held_octets_ = 0;  ///< of a message, in buffer_
};

void WebSocket::begin() {
  stream_.next_layer().async_handshake([self = self()](error_code error, std::size_t /*size*/) {
    if (self->ended()) return;
    if (error) return self->end(ConnectionEnd::handshake_failed);
    self->read_request();
  });
}

void WebSocket::read_request() {
  auto parser = std::make_shared<Parser>();
  parser->header_limit(longest_request);
  parser->body_limit(0);
  http::async_read_header(stream_.next_layer(), buffer_, *parser, [self = self(), parser](error_code error, std::size_t /*size*/) {
    if (self->ended()) return;
    if (error) return self->end(ConnectionEnd::handshake_failed);
    self->on_request(*parser);
  });
}

void WebSocket::on_request(Parser& parser) {
  const WebRequest request = parser.release();
  // RFC 6455 §4.1: a client waits for the answer. What stands behind its request would be lost.
  if (buffer_.size() != 0) return end(ConnectionEnd::handshake_failed);
  buffer_.shrink_to_fit();
  if (auto response = refusal(request, origins_)) return refuse(std::move(*response));
  accept(request);
}

void WebSocket::refuse(WebResponse response) {
  const auto kept = std::make_shared<WebResponse>(std::move(response));
  http::async_write(stream_.next_layer(), *kept, [self = self(), kept](error_code /*error*/, std::size_t /*size*/) {
    const bool origin = kept->result() == http::status::forbidden;
    if (!self->ended()) self->end(origin ? ConnectionEnd::origin_refused : ConnectionEnd::handshake_failed);
  });
}

void WebSocket::accept(const WebRequest& request) {
  websocket::stream_base::timeout times{};
  times.handshake_timeout = websocket::stream_base::none();  // the connection's own
  times.idle_timeout = silence;
  times.keep_alive_pings = true;
  stream_.set_option(times);
  stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(http::field::server, "Postern");
    response.set(http::field::sec_websocket_protocol, sip_subprotocol);
  }));
  stream_.read_message_max(sip::Bounds::message);
  stream_.auto_fragment(false);
  stream_.async_accept(request, [self = self()](error_code error) {
    if (self->ended()) return;
    if (error) return self->end(ConnectionEnd::handshake_failed);
    self->handshake_done();
    self->read();
  });
}

void WebSocket::read() {
  stream_.async_read_some(buffer_, 0, [self = self()](error_code error, std::size_t size) {
    if (self->ended()) return;
    if (error == websocket::error::closed || error == asio::error::eof) return self->end(ConnectionEnd::peer_closed);
    if (error == websocket::error::message_too_big) return self->end(ConnectionEnd::not_sip);
    if (error) return self->end(error == beast::error::timeout ? ConnectionEnd::idle : ConnectionEnd::error);
    self->on_read(size);
  });
}

void WebSocket::on_read(std::size_t size) {
  const bool begins = held_octets_ == 0;
  held_octets_ += size;
  reserve(size);
  if (stream_.is_message_done()) {
    take_message();
  } else if (begins) {
    message_boundary();
  }
  if (ended() || closing()) return;
  if (inside_message() && over_pool()) return end(ConnectionEnd::memory);
  read();
}

void WebSocket::take_message() {
  const std::string_view message(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  // An empty one is nothing at all.
  if (!message.empty() && deliver(message) && message == keep_alive_ping) write(keep_alive_pong);
  release(std::exchange(held_octets_, 0));
  buffer_.clear();
  buffer_.shrink_to_fit();
  message_boundary();
  turn_over();
}

void WebSocket::write(std::string_view message) {
  if (unsent_octets_ + message.size() > most_unsent() || over_pool()) return end_later(ConnectionEnd::slow_reader);
  unsent_.emplace_back(message);
  unsent_octets_ += message.size();
  reserve(message.size());
  if (unsent_.size() == 1) write_next();
}

/// RFC 7118 §5.1: text where it is UTF-8, so that every browser can read it.
void WebSocket::write_next() {
  stream_.text(is_utf8(unsent_.front()));
  stream_.async_write(asio::buffer(unsent_.front()), [self = self()](error_code error, std::size_t /*size*/) {
    if (self->ended()) return;
    if (error) return self->end(ConnectionEnd::error);
    self->on_written();
  });
}

void WebSocket::on_written() {
  const std::size_t size = unsent_.front().size();
  unsent_octets_ -= size;
  release(size);
  unsent_.pop_front();
  if (!unsent_.empty()) return write_next();
  sent();
}

/// What is being written or read is aborted and comes back; its buffers stay until then.
void WebSocket::close_socket() {
  release(unsent_octets_ + held_octets_);
  stream_.next_layer().close();
}

}  // namespace

std::shared_ptr<StreamConnection> make_web_socket(asio::io_context& io, Streams& streams, const sbc::Flow& flow, acl::FileDescriptor socket,
                                                  std::unique_ptr<ByteStream> stream, std::vector<std::string> origins) {
  return std::make_shared<WebSocket>(io, streams, flow, std::move(origins), std::move(socket), std::move(stream));
}

}  // namespace postern::net
