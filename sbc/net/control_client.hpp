// The other end of the control socket: asks the running daemon.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

namespace postern::net {

/// Why there is no answer, for the operator.
struct NoAnswer {
  bool no_daemon = false;  ///< nobody listens there; else it was refused
  std::string message;
};

/// The answer of the daemon at `socket` to that command, which says the other texts as well. Waits for as long as something comes.
std::variant<nlohmann::ordered_json, NoAnswer> ask_daemon(const std::string& socket, const std::string& command,
                                                          const std::map<std::string, std::string>& texts = {});

}  // namespace postern::net
