// The scalars of a configuration: what each kind of text means.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "acl/address.hpp"
#include "acl/options.hpp"
#include "sbc/flow.hpp"
#include "sbc/net/options.hpp"
#include "sbc/options.hpp"

namespace postern::config {

/// One of the words that a key takes besides its kind (`off`, `auto`) or of those it consists of (`allow`).
struct Word {
  std::string_view text;
};
/// `50/s`: how many in a second.
struct RateValue {
  double per_second = 0;
};
struct Asn {
  std::uint32_t number = 0;
};
/// A network as written, or the name of one.
struct NetworkRef {
  std::string name;  ///< empty: `network` is meant
  acl::Network network;
};
/// `udp://10.0.0.5:5060`.
struct SipAddress {
  sbc::Transport transport = sbc::Transport::udp;
  std::string host;                     ///< without brackets
  std::optional<acl::Address> address;  ///< absent: the host is a name
  std::uint16_t port = 0;               ///< never 0 once parsed: the transport's own if none is written
};

using Value = std::variant<std::string, Word, bool, std::int64_t, std::chrono::milliseconds, RateValue, acl::Network, NetworkRef,
                           sbc::Endpoint, SipAddress, sbc::HostPort, acl::Address, acl::Country, Asn, net::WebhookOptions>;

/// Bounds of an integer, of a duration in milliseconds, of a rate's count.
struct Range {
  std::int64_t least = 0;
  std::int64_t most = INT64_MAX;
};

struct Parsed {
  std::optional<Value> value;
  std::string problem;  ///< with a value: a warning; without: the error

  static Parsed wrong(std::string message) { return {std::nullopt, std::move(message)}; }
};

/// A kind of scalar: its parser, and its name in messages and in the reference ("must be <noun>").
struct Kind {
  std::string_view name;  ///< "duration"
  std::string_view noun;  ///< "a duration such as 500ms, 30s, 10m, 1h or 7d"
  Parsed (*parse)(std::string_view text, const Range& range);
};

namespace kinds {
extern const Kind text, name, agent_set, path, user, glob, pattern, digits, dial_pattern, word;
extern const Kind integer, on_off, duration, rate;
extern const Kind listener_address, pbx_address, trunk_address, hep_address, http_listener, http_url, origin, bind, ip, source, host,
    host_port;
extern const Kind network, network_ref, country, asn, method, transport;
}  // namespace kinds

/// The URL with its port: what names a listener that has no name.
std::string to_string(const SipAddress& address);
/// The error for a text that is none of its kind: "must be <noun>, got <text>".
Parsed expected(const Kind& kind, std::string_view text);
/// "1.5s" is none; nullopt also on overflow.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// As an operator would write it: "500ms", "4s", "7d".
std::string to_string(std::chrono::milliseconds duration);
/// on, yes, true; off, no, false.
std::optional<bool> parse_switch(std::string_view text);
/// Decimal digits alone; nullopt also on overflow.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace postern::config
