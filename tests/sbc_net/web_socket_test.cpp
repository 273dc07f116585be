// Browsers' phones: who may connect, and what is a message.
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>
#include <string>

#include "sbc/net/escape.hpp"
#include "tests/sbc_net/stream_support.hpp"

namespace postern::net::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using sbc::Outcome;
using sbc::Transport;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// A browser, on the same loop.
class Browser {
 public:
  Browser(asio::io_context& io, const sbc::Endpoint& to, const char* protocol = "sip", const char* origin = "https://pbx.example.com")
      : stream_(io) {
    stream_.next_layer().connect({asio::ip::address_v4(to.address.v4_value()), to.port});
    stream_.set_option(websocket::stream_base::decorator([protocol, origin](websocket::request_type& request) {
      if (protocol != nullptr) request.set(http::field::sec_websocket_protocol, protocol);
      if (origin != nullptr) request.set(http::field::origin, origin);
    }));
    stream_.async_handshake(response_, to.to_string(), "/ws", [this](auto error) {
      result_ = error;
      if (!error) read();
    });
  }
  void send(std::string text, bool as_text = true) {
    sent_ = std::move(text);
    stream_.text(as_text);
    stream_.async_write(asio::buffer(sent_), [](auto, auto) {});
  }
  [[nodiscard]] bool connected() const { return result_ && !*result_; }
  [[nodiscard]] bool refused() const { return result_ && *result_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const websocket::response_type& response() const { return response_; }
  websocket::stream<asio::ip::tcp::socket>& stream() { return stream_; }

  std::vector<std::pair<std::string, bool>> received;  ///< and whether it came as text

 private:
  void read() {
    stream_.async_read(buffer_, [this](auto error, auto) {
      closed_ = bool(error);
      if (error) return;
      received.emplace_back(beast::buffers_to_string(buffer_.data()), stream_.got_text());
      buffer_.clear();
      read();
    });
  }

  websocket::stream<asio::ip::tcp::socket> stream_;
  websocket::response_type response_;
  beast::flat_buffer buffer_;
  std::string sent_;
  std::optional<boost::system::error_code> result_;
  bool closed_ = false;
};

class WebSocketTest : public StreamsTest {
 protected:
  void listen(std::vector<std::string> origins = {}) {
    auto options = listener(Transport::ws);
    options.origins = std::move(origins);
    open({options});
  }
};

TEST_F(WebSocketTest, CarriesAMessageInEachOfItsOwn) {
  listen();
  Browser browser(io_, door());
  ASSERT_TRUE(run_until([&] { return browser.connected(); }));
  EXPECT_EQ(browser.response()[http::field::sec_websocket_protocol], "sip");
  browser.send("OPTIONS sip:a@b SIP/2.0\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 1; }));
  browser.send(std::string(60'000, 'x'), false);
  ASSERT_TRUE(run_until([&] { return script_.messages.size() == 2; }));
  EXPECT_EQ(script_.messages[0], "OPTIONS sip:a@b SIP/2.0\r\n\r\n") << "no Content-Length is needed";
  EXPECT_EQ(script_.messages[1].size(), 60'000U);
  EXPECT_EQ(script_.flows[0].transport, Transport::ws);
  for (const char* text : {"SIP/2.0 200 OK\r\n\r\n", "caf\xc3\xa9", "caf\xe9"}) streams_->send(script_.flows[0], text);
  ASSERT_TRUE(run_until([&] { return browser.received.size() == 3; }));
  EXPECT_THAT(browser.received,
              ElementsAre(std::pair("SIP/2.0 200 OK\r\n\r\n", true), std::pair("caf\xc3\xa9", true), std::pair("caf\xe9", false)));
  EXPECT_EQ(streams_->reserved(), 0U);
}

TEST_F(WebSocketTest, APingIsAnsweredInWhicheverFormItComes) {
  listen();
  Browser browser(io_, door());
  ASSERT_TRUE(run_until([&] { return browser.connected(); }));
  bool answered = false;
  browser.stream().control_callback([&](websocket::frame_type type, auto) { answered = type == websocket::frame_type::pong; });
  browser.stream().async_ping({}, [](auto) {});
  EXPECT_TRUE(run_until([&] { return answered; }));
  browser.send("\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return !browser.received.empty(); }));
  EXPECT_EQ(browser.received[0].first, "\r\n");
}

TEST_F(WebSocketTest, TheSubprotocolMustBeSip) {
  listen();
  for (const char* protocol : {static_cast<const char*>(nullptr), "chat"}) {
    Browser browser(io_, door(), protocol);
    ASSERT_TRUE(run_until([&] { return browser.refused(); }));
    EXPECT_EQ(browser.response().result(), http::status::bad_request);
  }
  EXPECT_TRUE(ended(ConnectionEnd::handshake_failed, 2));
  EXPECT_EQ(script_.refused, std::vector(2, ConnectionEnd::handshake_failed));
  Browser browser(io_, door(), "chat, sip");
  EXPECT_TRUE(run_until([&] { return browser.connected(); }));
}

TEST_F(WebSocketTest, OnlyPagesOfTheOriginsMayConnect) {
  listen({"https://pbx.example.com"});
  Browser other(io_, door(), "sip", "https://evil.example"), none(io_, door(), "sip", nullptr), own(io_, door());
  ASSERT_TRUE(run_until([&] { return other.refused() && none.refused() && own.connected(); }));
  EXPECT_EQ(other.response().result(), http::status::forbidden);
  EXPECT_EQ(none.response().result(), http::status::forbidden);
}

TEST_F(WebSocketTest, AnOrdinaryRequestIsToldWhatThisIs) {
  listen();
  Client client(door());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(ends(client));
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 426 "));
  EXPECT_THAT(client.received, HasSubstr("SIP over WebSocket"));
  Client sip(door());
  sip.send(message());
  EXPECT_TRUE(ends(sip));
  EXPECT_EQ(sip.received, "");
}

TEST_F(WebSocketTest, WhatIsTooLargeOrRefusedEndsIt) {
  listen();
  Browser large(io_, door());
  ASSERT_TRUE(run_until([&] { return large.connected(); }));
  large.send(std::string(70'000, 'x'));
  EXPECT_TRUE(run_until([&] { return large.closed(); }));
  EXPECT_TRUE(ended(ConnectionEnd::not_sip));
  script_.outcome = Outcome::rule_drop;
  Browser banned(io_, door());
  ASSERT_TRUE(run_until([&] { return banned.connected(); }));
  banned.send(message());
  EXPECT_TRUE(run_until([&] { return banned.closed(); }));
  EXPECT_TRUE(ended(ConnectionEnd::refused));
  EXPECT_EQ(streams_->reserved(), 0U);
}

TEST_F(WebSocketTest, AHandshakeThatDoesNotEndIsCutOff) {
  with_times({.handshake = std::chrono::milliseconds(50)});
  listen();
  Client client(door());
  client.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_TRUE(ends(client));
  EXPECT_TRUE(ended(ConnectionEnd::handshake_timeout));
}

TEST(Utf8, IsWhatABrowserTakesForText) {
  for (const char* good : {"", "abc\r\n", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\x9e"}) EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\xe9", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) EXPECT_FALSE(is_utf8(bad)) << bad;
}

}  // namespace
}  // namespace postern::net::test
