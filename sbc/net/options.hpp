// What the shell can be told: filled by config, consumed by sbc/net.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sbc/flow.hpp"

namespace postern::net {

enum class LogFormat : std::uint8_t { text, json };
enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct LogOptions {
  LogFormat format = LogFormat::text;
  LogLevel level = LogLevel::info;
};

struct ControlOptions {
  std::string path = "/run/postern/control.sock";
  std::string group;     ///< whose members may connect, by name; empty: that of the process
  bool written = false;  ///< the operator chose the path
};

/// Where bans stand besides.
enum class Kernel : std::uint8_t { off, nftables };

/// A network that is a DNS name.
struct DynamicName {
  std::string host;
  std::chrono::milliseconds refresh{120'000};
  bool operator==(const DynamicName&) const = default;
};

/// Where alerts are posted to: an http or https URL, taken apart.
struct WebhookOptions {
  bool tls = true;
  std::string host;  ///< a name or an address, without brackets
  std::uint16_t port = 443;
  std::string target = "/";  ///< path and query; it may hold a secret
  /// As a URL has it (RFC 3986 §3.2): an IPv6 address in brackets, and the port unless it is the scheme's own.
  [[nodiscard]] std::string authority() const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
  }
  bool operator==(const WebhookOptions&) const = default;
};

struct AlertOptions {
  std::optional<WebhookOptions> webhook;
  std::string command;  ///< the path of a program; empty: none
  std::chrono::milliseconds min_interval{300'000};
  bool operator==(const AlertOptions&) const = default;
};

struct ShellOptions {
  std::string state = "/var/lib/postern";                                                  ///< folder for keys and tables; created 0700
  std::optional<sbc::Endpoint> admin = sbc::Endpoint{acl::Address::v4(0x7f000001), 9460};  ///< /metrics /healthz /readyz; absent: off
  ControlOptions control;
  LogOptions log;
  Kernel kernel = Kernel::off;
  std::optional<sbc::Endpoint> hep;  ///< the capture server; absent: none
  std::vector<DynamicName> names;
  std::vector<std::string> files;      ///< that are read with the configuration: lists, databases, certificates
  std::optional<AlertOptions> alerts;  ///< absent: nobody is told
};

}  // namespace postern::net
