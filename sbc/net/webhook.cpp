#include "sbc/net/webhook.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "acl/address.hpp"
#include "sbc/net/name_lookup.hpp"

namespace postern::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::chrono::seconds patience{15};
constexpr std::chrono::milliseconds a_moment{100};  // a stop waits no longer
constexpr int most_interim_answers = 8;             // 1xx, such as 100 Continue, before the one that counts (RFC 9110 §15.2)

AlertResult failed(std::string what, bool try_again = true) { return {false, try_again, std::move(what)}; }

/// Runs one step to its end. What is not done by then is never finished: `io` does not run again.
template <class Begin>
error_code await(asio::io_context& io, const std::stop_token& stop, Begin begin) {
  std::optional<error_code> result;
  begin([&result](error_code error, auto&&...) { result = error; });
  io.restart();
  while (!result && !stop.stop_requested()) io.run_one_for(a_moment);
  return result.value_or(asio::error::operation_aborted);
}

/// Sorted addresses put IPv4 first, which a host without IPv6 can reach.
std::vector<tcp::endpoint> endpoints_of(const std::vector<acl::Address>& addresses, std::uint16_t port) {
  std::vector<tcp::endpoint> out;
  out.reserve(addresses.size());
  for (const acl::Address& address : addresses) {
    if (address.is_v4())
      out.emplace_back(asio::ip::address_v4(address.v4_value()), port);
    else
      out.emplace_back(asio::ip::address_v6(address.bytes()), port);
  }
  return out;
}

/// Empty, and `problem` says why: the name has no address.
std::vector<acl::Address> addresses_of(const std::string& host, steady_clock::time_point until, const std::stop_token& stop,
                                       std::string& problem) {
  if (const auto address = acl::Address::parse(host)) return {*address};
  NameLookup lookup(host);
  while (!lookup.done() && !stop.stop_requested() && steady_clock::now() < until) {
    std::vector<pollfd> polled;
    const std::chrono::milliseconds wait = lookup.wait_with(polled);
    ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
    lookup.process(polled);
  }
  problem = !lookup.done() ? "no name server answers" : lookup.problem();
  return lookup.addresses();
}

http::request<http::string_body> request_of(const WebhookOptions& to, std::string_view json) {
  http::request<http::string_body> request(http::verb::post, to.target, 11);
  request.set(http::field::host, to.authority());
  request.set(http::field::user_agent, "Postern");
  request.set(http::field::content_type, "application/json");
  request.set(http::field::connection, "close");
  request.body() = json;
  request.prepare_payload();
  return request;
}

AlertResult judged(unsigned status) {
  const std::string what = fmt::format("HTTP status {}", status);
  if (status >= 200 && status < 300) return {true, false, what};
  // What the server may think better of: 408, 429 and 5xx.
  const bool later = status == 408 || status == 429 || status >= 500;
  const bool redirect = status >= 300 && status < 400;
  return failed(redirect ? what + ": it redirects, which is not followed: write the URL that it leads to" : what, later);
}

template <class Stream>
AlertResult exchange(asio::io_context& io, Stream& stream, const WebhookOptions& to, std::string_view json, const std::stop_token& stop) {
  const auto request = request_of(to, json);
  if (const auto error = await(io, stop, [&](auto done) { http::async_write(stream, request, done); }))
    return failed("cannot send: " + error.message());
  beast::flat_buffer buffer;
  unsigned status = 0;
  for (int read = 0; status < 200 && read < most_interim_answers; ++read) {
    http::response_parser<http::empty_body> answer;
    answer.skip(true);
    if (const auto error = await(io, stop, [&](auto done) { http::async_read_header(stream, buffer, answer, done); }))
      return failed("no HTTP answer: " + error.message());
    status = answer.get().result_int();
  }
  return judged(status);
}

/// Why a handshake failed, as far as it is the certificate's fault.
std::string tls_problem(SSL* ssl, const error_code& error) {
  const long verdict = ::SSL_get_verify_result(ssl);
  return verdict == X509_V_OK ? error.message()
                              : fmt::format("its certificate is not accepted: {}", ::X509_verify_cert_error_string(verdict));
}

AlertResult exchange_over_tls(asio::io_context& io, beast::tcp_stream socket, const WebhookOptions& to, std::string_view json,
                              const std::stop_token& stop) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  error_code error;
  context.set_default_verify_paths(error);
  if (error) return failed("OpenSSL finds no authorities: " + error.message());
  beast::ssl_stream<beast::tcp_stream> stream(std::move(socket), context);
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.set_verify_callback(asio::ssl::host_name_verification(to.host));
  if (!acl::Address::parse(to.host)) SSL_set_tlsext_host_name(stream.native_handle(), to.host.c_str());
  error = await(io, stop, [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, done); });
  if (error) return failed("no TLS: " + tls_problem(stream.native_handle(), error));
  return exchange(io, stream, to, json, stop);
}

}  // namespace

AlertResult post_json(const WebhookOptions& to, std::string_view json, const std::stop_token& stop) {
  const auto until = steady_clock::now() + patience;
  std::string problem;
  const auto addresses = addresses_of(to.host, until, stop, problem);
  if (addresses.empty()) return failed(fmt::format("{} has no address: {}", to.host, problem));
  asio::io_context io{1};
  beast::tcp_stream socket(io);
  socket.expires_at(until);
  const auto endpoints = endpoints_of(addresses, to.port);
  if (const auto error = await(io, stop, [&](auto done) { socket.async_connect(endpoints, done); }))
    return failed(fmt::format("cannot connect to {} port {}: {}", to.host, to.port, error.message()));
  return to.tls ? exchange_over_tls(io, std::move(socket), to, json, stop) : exchange(io, socket, to, json, stop);
}

}  // namespace postern::net
