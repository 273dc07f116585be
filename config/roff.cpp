#include "config/roff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::config {
namespace {

void append_character(std::string& out, char c) {
  // A hyphen-minus is to be copied, not broken at; a line that began with . or ' would be a request.
  if (c == '\\')
    out += "\\e";
  else if (c == '-')
    out += "\\-";
  else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
    out += std::string("\\&") + c;
  else
    out += c;
}

/// What stands between [ and ](address), with what is to be passed over; empty: no link begins here.
struct Link {
  std::string_view text;
  std::size_t size = 0;
};
Link link_at(std::string_view text) {
  const std::size_t middle = text.find("](");
  const std::size_t end = text.find(')', middle);
  if (middle == std::string_view::npos || end == std::string_view::npos || text.substr(1, middle - 1).find('[') != std::string_view::npos)
    return {};
  return {text.substr(1, middle - 1), end + 1};
}

/// The size of an *emphasis*, 0: none begins here. A lone star is itself.
std::size_t emphasis_at(std::string_view text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.size() < 3 || text.front() != '*' || !is_letter(text[1])) return 0;
  const std::size_t end = text.find('*', 1);
  return end == std::string_view::npos || !is_letter(text[end - 1]) ? 0 : end + 1;
}

/// A page of Markdown, line by line.
class PageWriter {
 public:
  void take(std::string_view line) {
    if (example_ && !line.starts_with("```")) {
      out_ += roff_verbatim(line) + "\n";
      return;
    }
    const bool item = line.starts_with("- ");
    if (item || line.empty() || line.starts_with("```")) end_paragraph();
    // A gap before a list is the list's own.
    if (gap_ && !item && !line.empty()) out_ += ".PP\n";
    gap_ = line.empty();
    if (line.starts_with("```"))
      toggle_example();
    else if (!line.empty())
      add_text(line, item);
  }
  std::string finish() {
    end_paragraph();
    return std::move(out_);
  }

 private:
  void toggle_example() {
    out_ += example_ ? ".EE\n" : ".EX\n";
    example_ = !example_;
  }
  void add_text(std::string_view line, bool item) {
    if (item) out_ += ".IP \\(bu 2\n";
    const std::string_view text = line.substr(item ? 2 : line.find_first_not_of(' '));
    paragraph_ += (paragraph_.empty() ? "" : " ") + std::string(text);
  }
  void end_paragraph() {
    if (!paragraph_.empty()) out_ += roff(paragraph_) + "\n";
    paragraph_.clear();
  }

  std::string out_, paragraph_;
  bool example_ = false, gap_ = false;
};

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  bool code = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '`') {
      code = !code;
      out += code ? "\\fB" : "\\fR";
    } else if (const std::size_t size = code ? 0 : emphasis_at(text.substr(at)); size > 0) {
      out += "\\fI" + roff_verbatim(text.substr(at + 1, size - 2)) + "\\fR";
      at += size - 1;
    } else if (const Link link = !code && text[at] == '[' ? link_at(text.substr(at)) : Link(); link.size > 0) {
      out += roff(link.text);
      at += link.size - 1;
    } else {
      append_character(out, text[at]);
    }
  }
  return out;
}

std::string roff_verbatim(std::string_view text) {
  std::string out;
  for (const char c : text) append_character(out, c);
  return out;
}

std::string roff_page(std::string_view markdown) {
  PageWriter page;
  while (!markdown.empty()) page.take(take_line(markdown));
  return page.finish();
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace postern::config
