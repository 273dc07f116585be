// What a Request-URI dials.
#pragma once

#include <span>
#include <string_view>

namespace postern::sip {

/// The user of a sip: or sips: URI or the number of a tel: URI (RFC 3966), as canonical_user() has it and without visual separators
/// (RFC 3966 §5.1.1) and blanks, which no PBX dials; empty: neither. `buffer` holds it, and it is no longer than that.
std::string_view dialled_number(std::string_view request_uri, std::span<char> buffer);

/// Is it the service URN of emergency calls, `urn:service:sos`, or one of a service below it such as `urn:service:sos.fire` (RFC 5031
/// §4.2)?
bool is_sos_urn(std::string_view request_uri);

}  // namespace postern::sip
