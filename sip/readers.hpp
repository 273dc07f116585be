// The readers behind the views' parse(): they fill a view in place, since copying one costs as much as reading it. Internal to sip/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/uri.hpp"

namespace postern::sip {

/// 1*DIGIT up to `most`, leading zeros allowed.
std::optional<std::uint32_t> read_number(std::string_view digits, std::uint32_t most);

/// host [":" port], which URIs and Vias share.
struct HostPort {
  std::string_view whole;
  std::string_view host;       ///< IPv6 with its brackets
  std::string_view port_text;  ///< may be empty
  std::uint16_t port = 0;      ///< 0: none given
  std::string_view rest;       ///< what follows
};

/// Each returns false where parse() gives nullopt; `out` comes fresh and is then half filled.
/// `spaces`: white space around the colon is legal (Via, §25.1 COLON), and taken off behind.
bool read_host_port(std::string_view text, bool spaces, HostPort& out);
bool read_uri(std::string_view uri, UriView& out);
bool read_name_addr(std::string_view element, NameAddrView& out);
bool read_via(std::string_view element, ViaView& out);

}  // namespace postern::sip
