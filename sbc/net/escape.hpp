// Text from the network made harmless for a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::net {

/// Longest value that a log line shows, in bytes before escaping.
inline constexpr std::size_t max_logged_value = 256;

/// Appends a value of a key=value line: as it is if it consists of harmless ASCII, else in double quotes, in which `"` and `\` get a
/// backslash and \n, \r, \t and \xHH stand for control characters, bytes that are not UTF-8 and characters that deceive
/// (sip/utf8.hpp). Cut at max_logged_value, then ended by "...".
void append_text_value(std::string& out, std::string_view raw);

/// A text of lines, for a terminal: they end by \n instead of CRLF, all else is escaped as above but for `"`.
std::string escaped_lines(std::string_view raw);

[[nodiscard]] bool is_utf8(std::string_view text);

/// Cut in the same way, but not escaped.
std::string cut_value(std::string_view raw);

}  // namespace postern::net
