// Answers that ask for credentials.
#pragma once

namespace postern::sip {

/// Does an answer with this status ask for a password, or for another one (RFC 3261 §22.2, §22.3)?
constexpr bool is_challenge(int status) { return status == 401 || status == 407; }

}  // namespace postern::sip
