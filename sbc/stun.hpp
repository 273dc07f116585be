// STUN keep-alives of registered phones (RFC 5626 §4.4.2): a phone learns by the answer whether its NAT has given it another address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sbc/flow.hpp"

namespace postern::sbc {

/// What the FINGERPRINT that stands behind `message` holds (§14.7; the header's length counts it already).
std::uint32_t stun_fingerprint(std::string_view message);
/// Appends the answer to a binding request (RFC 8489 §5, §14.2): XOR-MAPPED-ADDRESS with `source`, and FINGERPRINT if the request had one.
/// At most 2.2 times the request. False, and nothing appended: no binding request, one that is malformed, whose fingerprint is wrong, that
/// asks for a password (USERNAME, MESSAGE-INTEGRITY: none was agreed on) or for something else that must be understood (§14).
bool append_stun_answer(std::string& out, std::string_view request, const Endpoint& source);

}  // namespace postern::sbc
