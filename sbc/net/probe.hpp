// What listens somewhere: a few packets, slowly, and never a login.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "acl/address.hpp"
#include "sbc/flow.hpp"

namespace postern::net {

enum class PortState : std::uint8_t {
  open,      ///< it answers, or takes a connection
  closed,    ///< the host says that nothing listens there
  filtered,  ///< silence: a firewall, or nobody is there (UDP: or somebody who does not answer)
};
const char* to_string(PortState state);

struct Probe {
  enum class Kind : std::uint8_t {
    connect,      ///< a TCP connection, closed at once
    sip_options,  ///< SIP's OPTIONS over UDP (RFC 3261 §11)
    iax2_poke,    ///< IAX2's POKE over UDP (RFC 5456 §6.7.1)
  };
  Kind kind = Kind::connect;
  sbc::Endpoint target;
  std::optional<acl::Address> from;  ///< the local address to ask from; else that of the route
};

struct ProbeOptions {
  std::string user;  ///< of From in OPTIONS: one that the PBX knows, as an unknown one feeds its fail2ban; empty: none
  std::chrono::milliseconds between{200};
  std::chrono::milliseconds patience{1500};  ///< for an answer
  std::function<void(std::size_t sent)> progress = [](std::size_t) {};
};

/// Sends them one after another, and returns what came of each. Ends within `between` for each and one `patience`.
std::vector<PortState> probe(std::span<const Probe> probes, const ProbeOptions& options);

/// What listens on this host, out of the kernel's tables: TCP ports that listen and UDP ports that are bound.
struct ListeningPort {
  bool tcp = false;
  std::uint16_t port = 0;
  acl::Address address;  ///< unspecified: all of the host's
};
std::vector<ListeningPort> listening_ports();
/// The same from a table in the form of /proc/net/tcp, tcp6, udp or udp6.
std::vector<ListeningPort> listening_ports(std::istream& table, bool tcp);

}  // namespace postern::net
