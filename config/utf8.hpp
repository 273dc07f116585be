// UTF-8, as far as a configuration file needs it (RFC 3629).
#pragma once

#include <cstddef>
#include <string_view>

namespace postern::config {

/// Bytes of the well-formed character at the front; 0: there is none.
std::size_t utf8_length(std::string_view text);
/// One well-formed character: a C0 or C1 control, DEL, or one of Unicode's invisible direction and line marks.
bool is_control(std::string_view character);

}  // namespace postern::config
