// What is said of a socket that cannot be opened.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "sbc/options.hpp"

namespace postern::net {

/// What to do about it. `kind`: 'u' or 't', as ss(8) names UDP and TCP.
std::string bind_advice(const std::error_code& error, char kind, const sbc::Endpoint& bind);

/// "listeners[1]", as the configuration's problems name it.
std::string listener_key(const std::vector<sbc::ListenerOptions>& wanted, const sbc::ListenerOptions& listener);

}  // namespace postern::net
