#include "sip/uri.hpp"

#include "sip/chars.hpp"
#include "sip/readers.hpp"

namespace postern::sip {
namespace {

using std::string_view;

std::size_t host_size(string_view text) {
  if (text.empty() || text.front() != '[') return chars::run(text, chars::host);
  const std::size_t inside = chars::run(text.substr(1), chars::ipv6);
  return inside > 1 && inside + 1 < text.size() && text[inside + 1] == ']' ? inside + 2 : 0;
}

/// Of "sip:" or "sips:", without the colon; 0: neither.
std::size_t scheme_size(string_view uri) {
  const auto letter = [uri](std::size_t at) { return static_cast<char>(uri[at] | 0x20); };
  if (uri.size() < 5 || letter(0) != 's' || letter(1) != 'i' || letter(2) != 'p') return 0;
  if (uri[3] == ':') return 3;
  return uri.size() > 5 && letter(3) == 's' && uri[4] == ':' ? 4 : 0;
}

/// user [":" password] "@" taken off the front of `rest`, whose first "@" is there. The first one: neither a host nor parameters can hold
/// one unescaped, while a user may hold ";" and "?" (RFC 4475 §3.1.1.9).
void split_user(string_view& rest, std::size_t at, UriView& uri) {
  uri.has_user = true;
  const string_view userinfo = rest.substr(0, at);
  std::size_t colon = 0;
  while (colon < at && userinfo[colon] != ':') ++colon;
  uri.user = userinfo.substr(0, colon);
  uri.password = colon == at ? userinfo.substr(at) : userinfo.substr(colon + 1);
  rest.remove_prefix(at + 1);
}

}  // namespace

std::optional<std::uint32_t> read_number(string_view digits, std::uint32_t most) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : digits) {
    if (!chars::is(c, chars::digit)) return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
    if (number > most) return std::nullopt;
  }
  return static_cast<std::uint32_t>(number);
}

bool read_host_port(string_view text, bool spaces, HostPort& out) {
  const std::size_t size = host_size(text);
  if (size == 0) return false;
  out.host = out.whole = text.substr(0, size);
  string_view rest = text.substr(size);
  if (spaces) rest = chars::skip_blank(rest);
  if (!rest.empty() && rest.front() == ':') {
    rest.remove_prefix(1);
    if (spaces) rest = chars::skip_blank(rest);
    out.port_text = rest.substr(0, chars::run(rest, chars::digit));
    const auto port = read_number(out.port_text, 65'535);
    if (!port || *port == 0) return false;
    out.port = static_cast<std::uint16_t>(*port);
    out.whole = chars::between(out.host, out.port_text);
    rest.remove_prefix(out.port_text.size());
  }
  out.rest = spaces ? chars::skip_blank(rest) : rest;
  return true;
}

bool read_uri(string_view uri, UriView& out) {
  const std::size_t scheme = scheme_size(uri);
  if (scheme == 0) return false;
  out.whole = uri;
  out.scheme = uri.substr(0, scheme);
  string_view rest = uri.substr(scheme + 1);
  const std::size_t at = chars::run_without(rest, chars::uri_mark);
  if (at < rest.size() && rest[at] == '@') split_user(rest, at, out);
  if (chars::any(rest, chars::no_uri)) return false;
  HostPort host;
  if (!read_host_port(rest, false, host)) return false;
  out.host = host.host;
  out.port_text = host.port_text;
  out.port = host.port;
  if (host.rest.empty()) return true;
  const std::size_t question = host.rest.find('?');
  out.params = host.rest.substr(0, question);
  if (question != string_view::npos) out.headers = host.rest.substr(question);
  if (out.params.empty()) return true;
  // A second "@" in the parameters would be read as another host by whoever looks for the last one.
  return out.params.front() == ';' && out.params.find('@') == string_view::npos;
}

std::optional<UriView> UriView::parse(string_view uri) {
  std::optional<UriView> out(std::in_place);
  if (!read_uri(uri, *out)) out.reset();
  return out;
}

std::optional<string_view> UriView::param(string_view name) const { return find_param(params, name); }

string_view UriView::host_port() const { return port_text.empty() ? host : chars::between(host, port_text); }

}  // namespace postern::sip
