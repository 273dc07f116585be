// The first line of a message (RFC 3261 §7.1, §7.2). Internal to sip/.
#pragma once

#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Whether a first line is SIP's, well-formed or not: "SIP/..." or "token ... SIP/...". Anything else is met with silence.
bool looks_like_sip(std::string_view line);
/// Fills what the start line gives; none if it is without fault.
Defect read_start_line(std::string_view line, RawMessage& out);

}  // namespace postern::sip
