#include "sbc/net/web_handshake.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace postern::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

WebResponse answer(const WebRequest& request, http::status status, const char* text) {
  WebResponse response(status, request.version());
  response.set(http::field::server, "Postern");
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  if (status == http::status::upgrade_required) {
    response.set(http::field::upgrade, "websocket");
    response.set(http::field::connection, "upgrade");
  }
  response.keep_alive(false);
  response.body() = text;
  response.prepare_payload();
  return response;
}

/// Host names are compared without case (RFC 6454 §4); browsers write them in lower case anyway.
bool is_among(beast::string_view origin, const std::vector<std::string>& origins) {
  return std::ranges::any_of(origins, [&](const std::string& allowed) { return beast::iequals(origin, allowed); });
}

}  // namespace

std::optional<WebResponse> refusal(const WebRequest& request, const std::vector<std::string>& origins) {
  // First: who looks with a browser whether it trusts the certificate sends no origin.
  if (!beast::websocket::is_upgrade(request))
    return answer(request, http::status::upgrade_required, "this is SIP over WebSocket: there is nothing to read here\n");
  if (!origins.empty() && !is_among(request[http::field::origin], origins))
    return answer(request, http::status::forbidden, "this page may not connect here\n");
  if (!http::token_list(request[http::field::sec_websocket_protocol]).exists(sip_subprotocol))
    return answer(request, http::status::bad_request, "the WebSocket subprotocol must be \"sip\" (RFC 7118)\n");
  return std::nullopt;
}

}  // namespace postern::net
