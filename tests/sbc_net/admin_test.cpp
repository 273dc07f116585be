#include "sbc/net/admin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <string>
#include <thread>

namespace postern::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class AdminTest : public testing::Test {
 protected:
  AdminTest()
      : admin_(io_, {*acl::Address::parse("127.0.0.1"), 0},
               {[](const auto& done) { done("metric 1\n"); }, [this] { return ready_.load(); }}) {
    port_ = admin_.bound().port;
    thread_ = std::thread([this] { io_.run(); });
  }
  ~AdminTest() override {
    io_.stop();
    thread_.join();
  }

  tcp::socket connect() {
    tcp::socket socket(client_);
    socket.connect({asio::ip::address_v4::loopback(), port_});
    return socket;
  }
  /// All that comes until the other side closes.
  static std::string read_all(tcp::socket& socket) {
    std::string out;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(out), error);
    return out;
  }
  std::string exchange(const std::string& request) {
    tcp::socket socket = connect();
    boost::system::error_code ignored;  // a refusal may come before all is written
    asio::write(socket, asio::buffer(request), ignored);
    return read_all(socket);
  }
  std::string get(const std::string& path) { return exchange("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); }

  std::atomic<bool> ready_{true};

 private:
  asio::io_context io_;
  asio::io_context client_;
  Admin admin_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(AdminTest, ServesItsPages) {
  EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/metrics"), HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(get("/metrics?x=1"), EndsWith("\r\n\r\nmetric 1\n"));
  EXPECT_THAT(get("/healthz"), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(get("/readyz"), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/metricsx"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(AdminTest, SaysWhenItIsNotReady) {
  ready_ = false;
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminTest, HeadHasTheLengthAndNoBody) {
  const std::string response = exchange("HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(response, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
}

TEST_F(AdminTest, KeepsAConnectionForTheNextRequest) {
  const std::string one = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string last = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string both = exchange(one + last);
  EXPECT_THAT(both, HasSubstr("\r\n\r\nok\nHTTP/1.1 200 OK"));
  EXPECT_THAT(both, EndsWith("metric 1\n"));
}

TEST_F(AdminTest, RefusesOtherMethods) {
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "CONNECT"}) {
    EXPECT_THAT(exchange(method + " /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 405 ")) << method;
  }
  EXPECT_THAT(exchange("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), HasSubstr("HTTP/1.1 4"));
}

TEST_F(AdminTest, RefusesWhatIsTooLargeOrNotHttp) {
  EXPECT_THAT(exchange("GET /metrics HTTP/1.1\r\nX: " + std::string(Admin::max_request, 'a') + "\r\n\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(exchange("GET /" + std::string(Admin::max_request * 2, 'a') + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(exchange("INVITE sip:a@b SIP/2.0\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(exchange(std::string("\0\1\2\3\r\n\r\n", 8)), StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminTest, ClosesOneConnectionTooMany) {
  std::list<tcp::socket> open;
  for (std::size_t i = 0; i < Admin::max_connections; ++i) {
    open.push_back(connect());
    asio::write(open.back(), asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")));
    std::string answer;
    boost::system::error_code error;
    asio::read(
        open.back(), asio::dynamic_buffer(answer),
        [&](const boost::system::error_code& failed, std::size_t) -> std::size_t { return failed || answer.ends_with("ok\n") ? 0 : 1; },
        error);
    ASSERT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  }
  tcp::socket extra = connect();
  EXPECT_EQ(read_all(extra), "");
  // The others go on, and a place that becomes free is taken again.
  asio::write(open.front(), asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")));
  EXPECT_THAT(read_all(open.front()), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace postern::net
