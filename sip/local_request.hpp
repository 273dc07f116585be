// Requests that a proxy makes itself, hop by hop (RFC 3261 §9.1, §17.1.1.3).
#pragma once

#include <string>
#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// The ACK to a non-2xx final response: Request-URI, top Via, From, Call-ID, CSeq number and Route of the INVITE as it was sent,
/// To of the response.
void write_ack(const RawMessage& sent_invite, const RawMessage& response, std::string& out);
/// The CANCEL of an INVITE as it was sent: Request-URI, top Via (same branch), From, To, Call-ID, CSeq number, Route.
void write_cancel(const RawMessage& sent_invite, std::string& out);

}  // namespace postern::sip
