// Text -> the markup of man pages.
#pragma once

#include <string>
#include <string_view>

namespace postern::config {

/// A text of ours as man(7) shows it: `code` is bold, *this* in italics, of a link [text](address) the text is left. Without a line end.
std::string roff(std::string_view text);
/// The same, where neither backticks nor brackets mean anything.
std::string roff_verbatim(std::string_view text);
/// Paragraphs, lists (`- `) and fenced examples of a page in Markdown; other lines as they are.
std::string roff_page(std::string_view markdown);

/// The first line, without its end, which are taken off `text`.
std::string_view take_line(std::string_view& text);

}  // namespace postern::config
