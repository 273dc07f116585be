// What a browser asks for when it opens a WebSocket, and whether it may.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>
#include <vector>

namespace postern::net {

/// RFC 7118 §4.1: the subprotocol of SIP.
inline constexpr const char* sip_subprotocol = "sip";

using WebRequest = boost::beast::http::request<boost::beast::http::empty_body>;
using WebResponse = boost::beast::http::response<boost::beast::http::string_body>;

/// The answer to a request that opens no WebSocket for SIP, or comes from a page of another origin than these (empty: any may);
/// nullopt: it may be accepted.
std::optional<WebResponse> refusal(const WebRequest& request, const std::vector<std::string>& origins);

}  // namespace postern::net
