// Requests that a proxy makes itself, hop by hop (RFC 3261 §9.1, §17.1.1.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Appends the ACK to a non-2xx final response: Request-URI, top Via, From, Call-ID, CSeq number and Route of the INVITE as it was sent,
/// To of the response. Of the INVITE the header section is enough.
void write_ack(const RawMessage& sent_invite, const RawMessage& response, std::string& out);
/// Appends the CANCEL of an INVITE as it was sent: Request-URI, top Via (same branch), From, To, Call-ID, CSeq number, Route;
/// then `extra` (whole header lines, each with its CRLF).
void write_cancel(const RawMessage& sent_invite, std::string_view extra, std::string& out);
/// Appends a request in the dialog that a 2xx to our INVITE made (§12.2.1.1, §13.2.2.4): an ACK with the INVITE's CSeq number, or a BYE.
/// From, To and Call-ID are the response's, its Contact is the Request-URI, its Record-Routes are the route.
struct InDialog {
  std::string_view method;
  std::uint32_t cseq = 0;
  std::string_view branch;
};
void write_in_dialog(const RawMessage& sent_invite, const RawMessage& response, const InDialog& request, std::string& out);
/// Appends what a CANCEL says about why (RFC 3326) as Reason lines that may be passed on: protocol and cause of each value (at most four),
/// but of the text only the one that stands for "answered elsewhere", since free text may name hosts of the other side.
void append_reasons(const RawMessage& request, std::string& out);

}  // namespace postern::sip
