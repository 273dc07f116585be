#include "sip/plain.hpp"

#include <algorithm>
#include <utility>

#include "sip/chars.hpp"
#include "sip/header_fields.hpp"
#include "sip/readers.hpp"

namespace postern::sip::plain {
namespace {

using std::string_view;

constexpr std::size_t most_expires_digits = 9;
constexpr std::size_t shortest_ipv6 = 2;  // "::"

// Each takes what it is named after off the front of `text`. False: it is not there, or not plain.

bool take(string_view& text, char letter) {
  if (text.empty() || text.front() != letter) return false;
  text.remove_prefix(1);
  return true;
}

bool take(string_view& text, string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

string_view take(string_view& text, chars::Class which) {
  const string_view taken = text.substr(0, chars::run(text, which));
  text.remove_prefix(taken.size());
  return taken;
}

/// *( ";" name [ "=" value ] ). `value` becomes that of the parameter `name`, which stands once at most.
bool take_params(string_view& text, string_view name, string_view& value) {
  bool found = false;
  while (take(text, ';')) {
    const string_view this_name = take(text, chars::token);
    if (this_name.empty() || this_name.find('%') != string_view::npos) return false;
    string_view this_value;
    if (take(text, '=')) {
      this_value = take(text, chars::plain_value);
      if (this_value.empty()) return false;
    }
    if (this_name.size() != name.size() || !iequals(this_name, name)) continue;
    if (found) return false;  // which of the two counts?
    found = true;
    value = this_value;
  }
  return true;
}

bool take_params(string_view& text) {
  string_view none;
  return take_params(text, {}, none);
}

bool take_host_port(string_view& text, UriHost& out) {
  const string_view whole = text;
  const auto taken = [&] { return whole.substr(0, whole.size() - text.size()); };
  if (take(text, '[')) {
    if (take(text, chars::ipv6).size() < shortest_ipv6 || !take(text, ']')) return false;
  } else if (take(text, chars::host).empty()) {
    return false;
  }
  out.host = out.whole = taken();
  if (!take(text, ':')) return true;
  const auto port = read_number(take(text, chars::digit), 65'535);
  if (!port || *port == 0) return false;
  out.port = static_cast<std::uint16_t>(*port);
  out.whole = taken();
  return true;
}

/// scheme ":" [ user "@" ] host [ ":" port ] parameters
bool take_uri(string_view& text, string_view& user, UriHost& host) {
  if (!take(text, "sip:") && !take(text, "sips:")) return false;
  const std::size_t letters = chars::run(text, chars::plain_user);
  if (letters != 0 && letters < text.size() && text[letters] == '@') {
    user = text.substr(0, letters);
    text.remove_prefix(letters + 1);
  }
  return take_host_port(text, host) && take_params(text);
}

bool is_address(string_view value) {
  Address address;
  return read_address(value, address);
}

bool is_via(string_view value) {
  ViaView via;
  string_view branch;
  return read_via(value, via, branch);
}

/// type "/" subtype parameters
bool is_type(string_view text) {
  if (take(text, chars::token).empty() || !take(text, '/') || take(text, chars::token).empty()) return false;
  return take_params(text) && text.empty();
}

/// word [ "@" word ]
bool is_call_id(string_view text) {
  if (take(text, chars::plain_value).empty()) return false;
  return text.empty() || (take(text, '@') && !take(text, chars::plain_value).empty() && text.empty());
}

/// Of what the prescreen has not read as plain already.
bool is_good(HeaderName name, string_view value, bool is_request) {
  switch (name) {
    case HeaderName::via:
      return is_via(value);
    case HeaderName::contact:
    case HeaderName::route:
    case HeaderName::record_route:
      return is_address(value);
    case HeaderName::call_id:
      return is_call_id(value);
    case HeaderName::content_type:
      return is_type(value);
    case HeaderName::max_forwards:  // 0 is answered
      return !is_request || value.front() != '0';
    case HeaderName::expires:
      return !value.empty() && value.size() <= most_expires_digits && chars::all(value, chars::digit);
    case HeaderName::from:
    case HeaderName::to:
    case HeaderName::cseq:
    case HeaderName::content_length:
      return true;  // the prescreen has read all of them
    default:
      return !decides(name);
  }
}

}  // namespace

bool read_uri(string_view uri, string_view& user, UriHost& host) { return take_uri(uri, user, host) && uri.empty(); }

bool read_address(string_view value, Address& out) {
  const bool quoted = take(value, '"');
  take(value, chars::plain_words);
  if (quoted && !take(value, "\" ")) return false;
  return take(value, '<') && take_uri(value, out.user, out.host) && take(value, '>') && take_params(value, "tag", out.tag) && value.empty();
}

bool read_via(string_view value, ViaView& out, string_view& branch) {
  constexpr std::size_t protocol_size = 4;  // "SIP/"
  out.whole = value;
  if (!take(value, "SIP/2.0/")) return false;
  out.version = out.whole.substr(protocol_size, 3);
  out.transport = take(value, chars::token);
  UriHost host;
  if (out.transport.empty() || !take(value, ' ') || !take_host_port(value, host)) return false;
  out.sent_by = host.whole;
  out.host = host.host;
  out.port = host.port;
  out.params = value;
  return take_params(value, "branch", branch) && value.empty();
}

bool is_good(const RawMessage& message) {
  if (!message.plain) return false;
  bool first_via = true;
  return std::ranges::all_of(message.header_lines(), [&](const HeaderLine& header) {
    if (header.name == HeaderName::via && std::exchange(first_via, false)) return true;
    return is_good(header.name, message.text(header.value), message.is_request);
  });
}

}  // namespace postern::sip::plain
