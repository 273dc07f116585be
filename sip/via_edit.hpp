// What the receiver of a request writes into its top Via.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/uri.hpp"

namespace postern::sip {

/// The text that replaces `via.whole`: the element as it came, with received and rport as RFC 3581 §4 and RFC 3261 §18.2.1 have them.
/// received=host stands there if sent-by's host is another text than `host` (without brackets), or rport does; rport=port if the client
/// wrote rport, or `force_rport`. Values that the client gave them are replaced; everything else stays byte for byte.
std::string with_received(const ViaView& via, std::string_view host, std::uint16_t port, bool force_rport);
/// The same, appended.
void append_with_received(std::string& out, const ViaView& via, std::string_view host, std::uint16_t port, bool force_rport);

}  // namespace postern::sip
