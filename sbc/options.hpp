// What the engine can be told: filled by config, consumed by sbc.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "acl/address.hpp"
#include "acl/options.hpp"
#include "acl/rate.hpp"
#include "sbc/flow.hpp"
#include "sbc/jail_options.hpp"
#include "sip/method.hpp"

namespace postern::sbc {

/// A host (name or address, IPv6 without brackets) and perhaps a port (0: none), as shown to others.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

/// PEM files, by absolute paths, and who may come.
struct TlsOptions {
  enum class Version : std::uint8_t { tls_1_2, tls_1_3 };

  std::string certificate;  ///< the server's own, then its chain
  std::string private_key;
  std::string client_ca;  ///< empty: clients need no certificate
  Version min_version = Version::tls_1_2;
  bool operator==(const TlsOptions&) const = default;
};

struct ListenerOptions {
  std::string name;
  Transport transport = Transport::udp;
  Endpoint bind;
  std::optional<HostPort> advertise;  ///< default: the bound address; for a wildcard the local address that the packet came in on
  std::vector<std::pair<acl::Network, HostPort>> advertise_to;  ///< by the peer's network, most specific wins
  std::optional<TlsOptions> tls{};                              ///< tls and wss: there
  std::vector<std::string> origins{};  ///< ws and wss: the web origins that may connect, as a browser writes them; empty: any
  bool trap = false;                   ///< nobody belongs here: whoever speaks SIP is banned
  bool open = true;  ///< false: a reload has taken it away; its slot stays until a restart, and only what was under way goes on
};

struct PbxOptions {
  static constexpr std::uint16_t default_bind_port = 5080;
  static constexpr std::size_t most_addresses = 16;
  static constexpr std::chrono::seconds longest_expires_over_streams{90};  ///< what a device is told at most; over UDP, what the PBX grants

  std::vector<Endpoint> addresses;            ///< at least one
  Transport transport = Transport::udp;       ///< to all of them: udp, tcp or tls
  std::string ca;                             ///< tls: PEM file of who vouches for the PBX's certificate; empty: any certificate will do
  std::optional<Endpoint> bind;               ///< of this worker; default: the local address of the route, the default port
  std::uint16_t worker = 0;                   ///< which of `workers`: its port is the first one's plus this
  std::uint16_t workers = 1;                  ///< how many there are
  std::optional<std::string> domain;          ///< host written into Request-URIs toward the PBX; default: its address
  std::optional<std::string> public_domain;   ///< host shown to clients where the PBX writes its own; default: what the listener advertises
  std::optional<acl::Address> media_address;  ///< written where the PBX names itself in SDP toward the access side
  std::optional<std::chrono::milliseconds> health_check{30'000};  ///< OPTIONS to each address, at once and then so often; absent: none
  std::optional<std::string> health_check_user;                   ///< who asks; default: the user of the last accepted REGISTER
  std::chrono::milliseconds timeout{4000};  ///< no answer at all for so long: the next address; none left: 408 to an INVITE

  /// Is it the address of one of `addresses`?
  [[nodiscard]] bool has(const acl::Address& address) const {
    return std::ranges::any_of(addresses, [&](const Endpoint& pbx) { return pbx.address == address; });
  }
  /// The ports that the PBX sees of all workers together. `last` may be none: beyond any port, which `check` refuses; 0 as the first has
  /// the kernel choose that one.
  struct CorePorts {
    std::uint16_t first = 0;
    std::uint32_t last = 0;
    [[nodiscard]] bool exist() const { return last <= UINT16_MAX; }
    /// That worker's. They exist.
    [[nodiscard]] std::uint16_t of(std::uint32_t worker) const { return static_cast<std::uint16_t>(first + worker); }
  };
  [[nodiscard]] CorePorts core_ports() const {
    const auto first = static_cast<std::uint16_t>((bind ? bind->port : default_bind_port) - worker);
    return {first, std::uint32_t{first} + workers - 1};
  }
};

/// Absent limits are off.
struct LimitsOptions {
  std::optional<acl::Rate> per_source = acl::Rate{50, 100};
  std::map<std::string, acl::Rate> per_source_methods = {{"REGISTER", {5, 20}}, {"INVITE", {5, 20}}};  ///< by method name, upper case
  std::optional<acl::Rate> unknown_sources = acl::Rate{2000, 4000};
  std::optional<acl::Rate> pbx = acl::Rate{1000, 2000};
  std::map<std::string, acl::Rate> per_device = {{"INVITE", {0.5, 30}}};  ///< by method name, as the one above
  std::optional<std::size_t> calls_per_hour;
  std::optional<std::size_t> concurrent_calls, concurrent_calls_per_device;
  std::optional<std::size_t> connections_per_source = 32;
  std::size_t tracked_sources = 1'000'000;
  bool operator==(const LimitsOptions&) const = default;
};

struct EngineOptions {
  /// What becomes of an account whose password can be guessed, as its digests show.
  enum class WeakPasswords : std::uint8_t { report, refuse, off };

  std::vector<ListenerOptions> listeners;  ///< 1..255, those that are no longer open included
  PbxOptions pbx;
  LimitsOptions limits;
  std::vector<acl::Network> trusted;
  std::optional<std::chrono::milliseconds> keepalive{
      25'000};                                       ///< OPTIONS to devices behind a NAT that were silent for so long; absent: none
  std::vector<sip::Method> registered_only;          ///< outside a dialog these are served for live registered flows and `trusted` alone
  std::optional<std::uint32_t> scanner_score = 100;  ///< what speaks for a scanner bans from this sum on; absent: nothing is summed
  enum class Redirects : std::uint8_t { block, internal };
  Redirects redirects = Redirects::block;  ///< what becomes of a phone's 3xx
  JailOptions jail;
  std::vector<acl::Network> trunk_networks;  ///< of the providers: never banned
  WeakPasswords weak_passwords = WeakPasswords::report;
  bool enforce = true;  ///< false: rules, jail and limits only count what they would have done
  /// Our own addresses and the default gateway, which the shell finds at its start; the engine adds the PBX's.
  std::vector<acl::Address> never_banned;
};

/// A request as an operator describes it, for `explain` and `policy_tests`. What is empty is filled in by write_request().
struct RequestSketch {
  Endpoint source;                     ///< port 0: 5060
  std::optional<Transport> transport;  ///< default: the listener's
  std::string listener;                ///< by name; empty: the first that has the transport, of the source's family if there is one
  std::string method = "OPTIONS";
  std::string from, to, request_uri;  ///< URIs, without brackets
  std::string user_agent;
  bool registered = false;  ///< its flow carries a live registration
};

}  // namespace postern::sbc
