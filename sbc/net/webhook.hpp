// An alert on its way to an HTTP server.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "sbc/net/options.hpp"

namespace postern::net {

/// What has become of one try to deliver an alert.
struct AlertResult {
  bool delivered = false;
  bool try_again = false;  ///< it may work another time
  std::string what;        ///< "HTTP status 200", or what is wrong, for the operator
};

/// Posts it and waits for the head of the answer, 15 seconds at most. Over https the server shows a certificate of its host that the
/// system's authorities vouch for (OpenSSL's default paths, or what SSL_CERT_FILE names). Redirects are not followed. A stop ends it.
AlertResult post_json(const WebhookOptions& to, std::string_view json, const std::stop_token& stop);

}  // namespace postern::net
