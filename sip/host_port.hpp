// host [":" port], which URIs and Vias share. Internal to sip/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::sip {

struct HostPort {
  std::string_view whole;
  std::string_view host;       ///< IPv6 with its brackets
  std::string_view port_text;  ///< may be empty
  std::uint16_t port = 0;      ///< 0: none given
  std::string_view rest;       ///< what follows
};

/// Reads from the front. `spaces`: white space around the colon is legal (Via, §25.1 COLON), and taken off behind.
std::optional<HostPort> read_host_port(std::string_view text, bool spaces);

}  // namespace postern::sip
