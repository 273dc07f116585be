#include "sbc/net/admin.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <string_view>
#include <utility>

namespace postern::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds accept_retry{1};

tcp::endpoint to_tcp(const sbc::Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return {asio::ip::address_v4(endpoint.address.v4_value()), endpoint.port};
  return {asio::ip::address_v6(endpoint.address.bytes()), endpoint.port};
}

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

struct Page {
  http::status status = http::status::ok;
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
};

using Done = std::function<void(Page)>;

void make_page(std::string_view path, const AdminPages& pages, const Done& done) {
  if (path == "/metrics") {
    pages.metrics([done](std::string text) { done({http::status::ok, "text/plain; version=0.0.4; charset=utf-8", std::move(text)}); });
  } else if (path == "/healthz") {
    done({.body = "ok\n"});
  } else if (path == "/readyz") {
    done(pages.ready() ? Page{.body = "ok\n"} : Page{.status = http::status::service_unavailable, .body = "not ready\n"});
  } else {
    done({.status = http::status::not_found, .body = "there are /metrics, /healthz and /readyz\n"});
  }
}

Response response_of(const Request& request, Page page) {
  const bool head = request.method() == http::verb::head;
  const bool allowed = page.status != http::status::method_not_allowed;
  Response response(page.status, request.version());
  response.set(http::field::server, "Postern");
  response.set(http::field::content_type, beast::string_view(page.type.data(), page.type.size()));
  if (!allowed) response.set(http::field::allow, "GET, HEAD");
  // A body that came with it is not read, so the connection cannot go on.
  response.keep_alive(allowed && request.keep_alive());
  response.content_length(page.body.size());
  if (!head) response.body() = std::move(page.body);
  return response;
}

void answer(const Request& request, const AdminPages& pages, const Done& done) {
  if (request.method() != http::verb::head && request.method() != http::verb::get)
    return done({.status = http::status::method_not_allowed, .body = "only GET and HEAD\n"});
  const std::string_view target(request.target().data(), request.target().size());
  make_page(target.substr(0, target.find('?')), pages, done);
}

}  // namespace

struct Admin::Impl : std::enable_shared_from_this<Admin::Impl> {
  class Connection;

  Impl(asio::io_context& context, AdminPages given) : io(context), acceptor(context), retry(context), pages(std::move(given)) {}

  void accept();
  void on_accept(error_code error, tcp::socket socket);

  asio::io_context& io;
  tcp::acceptor acceptor;
  asio::steady_timer retry;
  AdminPages pages;
  std::size_t connections = 0;
};

class Admin::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Impl> admin) : stream_(std::move(socket)), admin_(std::move(admin)) {
    ++admin_->connections;
  }
  ~Connection() { --admin_->connections; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void do_read() {
    parser_ = std::make_unique<http::request_parser<http::empty_body>>();
    parser_->header_limit(max_request);
    parser_->body_limit(0);
    stream_.expires_after(timeout);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
  }

 private:
  void on_read(error_code error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      respond(Response(http::status::request_header_fields_too_large, 11));
    } else if (error == http::error::body_limit) {
      respond(Response(http::status::payload_too_large, 11));
    } else if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      respond(Response(http::status::bad_request, 11));
    } else if (!error) {
      answer(parser_->get(), admin_->pages, [self = shared_from_this()](Page page) { self->on_page(std::move(page)); });
    }
  }

  void on_page(Page page) {
    Response response = response_of(parser_->get(), std::move(page));
    if (!parser_->is_done()) response.keep_alive(false);
    write(std::move(response));
  }

  /// An answer without a body, after which the connection ends.
  void respond(Response response) {
    response.keep_alive(false);
    response.content_length(0);
    write(std::move(response));
  }

  void write(Response response) {
    response_ = std::move(response);
    stream_.expires_after(timeout);
    http::async_write(stream_, response_, [self = shared_from_this()](error_code error, std::size_t) { self->on_write(error); });
  }

  void on_write(error_code error) {
    if (error) return;
    if (response_.keep_alive()) {
      do_read();
    } else {
      stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    }
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Impl> admin_;
  beast::flat_buffer buffer_{max_request};
  std::unique_ptr<http::request_parser<http::empty_body>> parser_;
  Response response_;
};

void Admin::Impl::accept() {
  acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) { self->on_accept(error, std::move(socket)); });
}

void Admin::Impl::on_accept(error_code error, tcp::socket socket) {
  if (!acceptor.is_open()) return;
  if (error) {
    // Out of descriptors, most likely: trying again at once would keep the thread busy.
    retry.expires_after(accept_retry);
    retry.async_wait([self = shared_from_this()](error_code stopped) {
      if (!stopped) self->accept();
    });
    return;
  }
  if (connections < max_connections) std::make_shared<Connection>(std::move(socket), shared_from_this())->do_read();
  accept();
}

Admin::Admin(asio::io_context& io, const sbc::Endpoint& bind, AdminPages pages) : impl_(std::make_shared<Impl>(io, std::move(pages))) {
  const tcp::endpoint endpoint = to_tcp(bind);
  impl_->acceptor.open(endpoint.protocol());
  impl_->acceptor.set_option(tcp::acceptor::reuse_address(true));
  if (!bind.address.is_v4()) impl_->acceptor.set_option(asio::ip::v6_only(true));
  impl_->acceptor.bind(endpoint);
  impl_->acceptor.listen();
  impl_->accept();
}

Admin::~Admin() {
  error_code ignored;
  impl_->acceptor.close(ignored);
  impl_->retry.cancel();
}

sbc::Endpoint Admin::bound() const {
  const tcp::endpoint endpoint = impl_->acceptor.local_endpoint();
  const asio::ip::address address = endpoint.address();
  return {address.is_v4() ? acl::Address::v4(address.to_v4().to_uint()) : acl::Address::v6(address.to_v6().to_bytes()), endpoint.port()};
}

}  // namespace postern::net
