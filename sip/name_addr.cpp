#include "sip/chars.hpp"
#include "sip/params.hpp"
#include "sip/readers.hpp"
#include "sip/uri.hpp"

namespace postern::sip {
namespace {

using std::string_view;

/// Any URI: a scheme, a colon and something without white space or brackets (RFC 3986 §3.1).
bool is_uri(string_view uri) {
  const std::size_t colon = chars::run(uri, chars::token);
  return colon > 0 && colon + 1 < uri.size() && uri[colon] == ':' && !chars::is(uri.front(), chars::digit) &&
         !chars::any(uri.substr(colon), chars::no_uri);
}

/// A comma outside of quotes and brackets separates elements: here it means that somebody forgot quotes (RFC 4475 §3.1.2.15).
bool holds_comma(string_view text) { return text.find(',') != string_view::npos && chars::find_unquoted(text, ',') < text.size(); }

/// uri ;params: what follows the first ";" belongs to the header, and "?" must not stand there (§20).
bool split_bare(string_view element, NameAddrView& out) {
  const std::size_t semicolon = element.find(';');
  out.uri = chars::trim_end(element.substr(0, semicolon));
  if (semicolon != string_view::npos) out.params = element.substr(semicolon);
  return out.uri.find_first_of("?,") == string_view::npos;
}

bool split_bracketed(string_view element, std::size_t open, NameAddrView& out) {
  const std::size_t close = element.find('>', open);
  if (close == string_view::npos) return false;
  out.bracketed = true;
  out.display = chars::trim_end(element.substr(0, open));
  if (chars::find_unquoted(out.display, '>') < out.display.size()) return false;
  out.uri = element.substr(open + 1, close - open - 1);
  out.params = chars::skip_blank(element.substr(close + 1));
  return out.params.empty() || out.params.front() == ';';
}

}  // namespace

bool read_name_addr(string_view element, NameAddrView& out) {
  out.whole = element = chars::trim(element);
  const std::size_t open = chars::find_unquoted(element, '<');
  if (open == string_view::npos) return false;
  const bool split = open < element.size() ? split_bracketed(element, open, out) : split_bare(element, out);
  if (!split || !is_uri(out.uri)) return false;
  if (holds_comma(out.display)) return false;
  return out.params.empty() || (chars::quotes_balance(out.params) && !holds_comma(out.params) && names_are_literal(out.params));
}

std::optional<NameAddrView> NameAddrView::parse(string_view element) {
  std::optional<NameAddrView> out(std::in_place);
  if (!read_name_addr(element, *out)) out.reset();
  return out;
}

std::optional<string_view> NameAddrView::param(string_view name) const { return find_param(params, name); }

}  // namespace postern::sip
