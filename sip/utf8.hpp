// UTF-8 (RFC 3629), which SIP (RFC 3261 §7) and configuration files are written in, and which of its characters deceive who reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::sip {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;  ///< in bytes; 0: there is no well-formed character at the front
};

/// The character that `text` begins with.
CodePoint front_character(std::string_view text);

/// C0 and C1 controls, DEL, line and paragraph separators, what changes the direction, and all that shows nothing at all (Unicode's
/// Default_Ignorable_Code_Point): a text with them is not what it looks like.
bool is_deceptive(std::uint32_t code_point);

}  // namespace postern::sip
