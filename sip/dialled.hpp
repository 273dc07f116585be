// What a URI dials.
#pragma once

#include <span>
#include <string_view>

namespace postern::sip {

/// The user of a sip: or sips: URI or the number of a tel: URI (RFC 3966), as it stands there; empty: neither.
std::string_view dialled_user(std::string_view uri);

/// Such a user as canonical_user() has it and without visual separators (RFC 3966 §5.1.1) and blanks, which no PBX dials; empty: there is
/// nothing, or more than `buffer`, which holds it, has room for.
std::string_view dialled_number_of(std::string_view user, std::span<char> buffer);

/// The same of a URI.
std::string_view dialled_number(std::string_view uri, std::span<char> buffer);

/// The same of the Request-URI of a request, of which this is the header section, or more of it.
std::string_view number_dialled_by(std::string_view request, std::span<char> buffer);

/// Is it the service URN of emergency calls, `urn:service:sos`, or one of a service below it such as `urn:service:sos.fire` (RFC 5031
/// §4.2)?
bool is_sos_urn(std::string_view request_uri);

}  // namespace postern::sip
