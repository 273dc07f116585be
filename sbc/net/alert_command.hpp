// An alert on its way to a program of the operator's.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "sbc/net/webhook.hpp"

namespace postern::net {

/// Runs `path` without a shell, with the alert's JSON on its standard input, POSTERN_ALERT (`kind`) and POSTERN_MESSAGE (`message`) in its
/// environment beside ours, and its output thrown away. It has a process group of its own, no descriptor of ours, and `longest` to end:
/// then the group is killed. A stop does not wait for it, and leaves it alone.
AlertResult run_command(const std::string& path, const std::string& json, const std::string& kind, const std::string& message,
                        std::chrono::milliseconds longest, const std::stop_token& stop);

}  // namespace postern::net
