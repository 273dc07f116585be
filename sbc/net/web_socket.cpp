#include "sbc/net/web_socket.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <string>
#include <type_traits>
#include <utility>

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

using Tcp = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using Tls = asio::ssl::stream<Tcp>;

constexpr std::size_t longest_request = std::size_t{8} * 1024;
/// A ping goes out after half of it: routers and web proxies forget what is silent for a minute.
constexpr std::chrono::seconds silence{60};

/// Next: what the WebSocket stands on, Tcp or Tls.
template <class Next>
class WebSocket final : public StreamConnection {
 public:
  template <class... Args>
  WebSocket(asio::io_context& io, Streams& streams, const sbc::Flow& flow, std::vector<std::string> origins, Args&&... next)
      : StreamConnection(io, streams, flow), stream_(std::forward<Args>(next)...), origins_(std::move(origins)) {}

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

  websocket::stream<Next, false> stream_;
  std::vector<std::string> origins_;
  beast::flat_buffer buffer_;
  std::deque<std::string> unsent_;  ///< the first is being written
  std::size_t unsent_octets_ = 0;
  std::size_t held_octets_ = 0;  ///< of a message, in buffer_
};

template <class Next>
void WebSocket<Next>::begin() {
  if constexpr (std::is_same_v<Next, Tls>) {
    stream_.next_layer().async_handshake(asio::ssl::stream_base::server, [self = self()](error_code error) {
      if (self->ended()) return;
      if (error) return self->end(ConnectionEnd::handshake_failed);
      self->read_request();
    });
  } else {
    read_request();
  }
}

template <class Next>
void WebSocket<Next>::read_request() {
  auto parser = std::make_shared<Parser>();
  parser->header_limit(longest_request);
  parser->body_limit(0);
  http::async_read_header(stream_.next_layer(), buffer_, *parser, [self = self(), parser](error_code error, std::size_t /*size*/) {
    if (self->ended()) return;
    if (error) return self->end(ConnectionEnd::handshake_failed);
    self->on_request(*parser);
  });
}

template <class Next>
void WebSocket<Next>::on_request(Parser& parser) {
  const WebRequest request = parser.release();
  // RFC 6455 §4.1: a client waits for the answer. What stands behind its request would be lost.
  if (buffer_.size() != 0) return end(ConnectionEnd::handshake_failed);
  buffer_.shrink_to_fit();
  if (auto response = refusal(request, origins_)) return refuse(std::move(*response));
  accept(request);
}

template <class Next>
void WebSocket<Next>::refuse(WebResponse response) {
  const auto kept = std::make_shared<WebResponse>(std::move(response));
  http::async_write(stream_.next_layer(), *kept, [self = self(), kept](error_code /*error*/, std::size_t /*size*/) {
    if (!self->ended()) self->end(ConnectionEnd::handshake_failed);
  });
}

template <class Next>
void WebSocket<Next>::accept(const WebRequest& request) {
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

template <class Next>
void WebSocket<Next>::read() {
  stream_.async_read_some(buffer_, 0, [self = self()](error_code error, std::size_t size) {
    if (self->ended()) return;
    if (error == websocket::error::closed || error == asio::error::eof) return self->end(ConnectionEnd::peer_closed);
    if (error == websocket::error::message_too_big) return self->end(ConnectionEnd::not_sip);
    if (error) return self->end(ConnectionEnd::error);
    self->on_read(size);
  });
}

template <class Next>
void WebSocket<Next>::on_read(std::size_t size) {
  const bool begins = held_octets_ == 0;
  held_octets_ += size;
  streams().reserve(size);
  if (stream_.is_message_done()) {
    take_message();
  } else if (begins) {
    message_boundary();
  }
  if (ended() || closing()) return;
  if (streams().reserved() > Streams::most_reserved && inside_message()) return end(ConnectionEnd::memory);
  read();
}

template <class Next>
void WebSocket<Next>::take_message() {
  const std::string_view message(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  // An empty one is nothing at all.
  if (!message.empty() && deliver(message) && message == keep_alive_ping) write(keep_alive_pong);
  streams().release(std::exchange(held_octets_, 0));
  buffer_.clear();
  buffer_.shrink_to_fit();
  message_boundary();
  turn_over();
}

template <class Next>
void WebSocket<Next>::write(std::string_view message) {
  if (unsent_octets_ + message.size() > most_unsent || streams().reserved() > Streams::most_reserved)
    return end_later(ConnectionEnd::slow_reader);
  unsent_.emplace_back(message);
  unsent_octets_ += message.size();
  streams().reserve(message.size());
  if (unsent_.size() == 1) write_next();
}

/// RFC 7118 §5.1: text where it is UTF-8, so that every browser can read it.
template <class Next>
void WebSocket<Next>::write_next() {
  stream_.text(is_utf8(unsent_.front()));
  stream_.async_write(asio::buffer(unsent_.front()), [self = self()](error_code error, std::size_t /*size*/) {
    if (self->ended()) return;
    if (error) return self->end(ConnectionEnd::error);
    self->on_written();
  });
}

template <class Next>
void WebSocket<Next>::on_written() {
  const std::size_t size = unsent_.front().size();
  unsent_octets_ -= size;
  streams().release(size);
  unsent_.pop_front();
  if (!unsent_.empty()) return write_next();
  sent();
}

/// What is being written or read is aborted and comes back; its buffers stay until then.
template <class Next>
void WebSocket<Next>::close_socket() {
  streams().release(unsent_octets_ + held_octets_);
  error_code ignored;
  beast::get_lowest_layer(stream_).close(ignored);
}

}  // namespace

std::shared_ptr<StreamConnection> make_web_socket(asio::io_context& io, Streams& streams, const sbc::Flow& flow, acl::FileDescriptor socket,
                                                  const StreamListener::Settings& settings) {
  const auto family = flow.peer.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
  Tcp tcp(io.get_executor());
  error_code error;
  tcp.assign(family, socket.get(), error);
  if (error) return nullptr;
  socket.release();
  if (settings.tls == nullptr) return std::make_shared<WebSocket<Tcp>>(io, streams, flow, settings.origins, std::move(tcp));
  ERR_clear_error();
  SSL* ssl = SSL_new(settings.tls->native());
  if (ssl == nullptr) return nullptr;
  return std::make_shared<WebSocket<Tls>>(io, streams, flow, settings.origins, std::move(tcp), ssl);
}

}  // namespace postern::net
