// What the prescreen reads in single header fields. Internal to sip/.
#pragma once

#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Reads what RawMessage keeps of a header (first of its name) into `out`; none if it is without fault or of no interest.
Defect read_header(HeaderName name, std::string_view value, RawMessage& out);
/// Headers that decide where a message goes or what we write. Only a fault in one of these refuses the message: a strange Date is its
/// reader's affair (RFC 4475 §3.1.2.12).
bool decides(HeaderName name);
/// Headers that may stand once only: a second one would be read differently by different implementations.
bool stands_once(HeaderName name);

}  // namespace postern::sip
