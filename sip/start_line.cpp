#include "sip/start_line.hpp"

#include "sip/chars.hpp"
#include "sip/plain.hpp"
#include "sip/readers.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr string_view version = "SIP/2.0";

bool begins_with_sip(string_view text) { return text.size() >= 4 && iequals(text.substr(0, 4), "SIP/"); }

/// 1*DIGIT "." 1*DIGIT (§25.1 SIP-Version): another version than ours, and no mere typing error.
bool is_version(string_view text) {
  if (!begins_with_sip(text)) return false;
  text.remove_prefix(4);
  const std::size_t major = chars::run(text, chars::digit);
  if (major == 0 || major >= text.size() || text[major] != '.') return false;
  text.remove_prefix(major + 1);
  return !text.empty() && chars::all(text, chars::digit);
}

Defect read_request_line(string_view line, RawMessage& out) {
  out.is_request = true;
  out.method_text = line.substr(0, chars::run(line, chars::token));
  out.method = method_of(out.method_text);
  const std::size_t method_end = out.method_text.size();
  const std::size_t uri_end = line.find(' ', method_end + 1);
  // Exactly one SP on either side: more is refused rather than passed on (RFC 4475 §3.1.2.9, §3.1.2.10).
  if (line[method_end] != ' ' || uri_end == string_view::npos) return Defect::start_line;
  out.request_uri = line.substr(method_end + 1, uri_end - method_end - 1);
  const string_view last = line.substr(uri_end + 1);
  if (out.request_uri.empty() || chars::any(out.request_uri, chars::no_uri) || !is_version(last)) return Defect::start_line;
  if (!iequals(last, version)) return Defect::version;
  if (!parser_takes_method(out.method_text)) return Defect::method;
  if (plain::read_uri(out.request_uri, out.request_user, out.request_host)) return Defect::none;
  out.plain = false;
  out.request_user = {};
  out.request_host = {};
  const bool sip = iequals(out.request_uri.substr(0, 4), "sip:") || iequals(out.request_uri.substr(0, 5), "sips:");
  if (!sip) return Defect::none;
  UriView uri;
  // Headers must not stand in a Request-URI (§19.1.1), and would be an injection if they were honoured (RFC 4475 §3.1.2.11).
  if (!read_uri(out.request_uri, uri) || !uri.headers.empty()) return Defect::start_line;
  out.request_user = uri.user;
  out.request_host = {uri.host_port(), uri.host, uri.port};
  return Defect::none;
}

Defect read_status_line(string_view line, RawMessage& out) {
  const std::size_t space = line.find(' ');
  if (space == string_view::npos || !is_version(line.substr(0, space))) return Defect::start_line;
  if (!iequals(line.substr(0, space), version)) return Defect::version;
  const string_view rest = line.substr(space + 1);
  const std::size_t digits = chars::run(rest, chars::digit);
  if (digits != 3 || rest[0] < '1' || rest[0] > '6') return Defect::status_code;
  if (rest.size() == digits || rest[digits] != ' ') return Defect::start_line;
  out.status_code = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
  out.reason_phrase = rest.substr(digits + 1);
  return Defect::none;
}

}  // namespace

bool looks_like_sip(string_view line) {
  if (begins_with_sip(line)) return true;
  const std::size_t token = chars::run(line, chars::token);
  if (token == 0 || token == line.size() || line[token] != ' ') return false;
  for (std::size_t at = line.rfind(' '); at != string_view::npos && at > 0; at = line.rfind(' ', at - 1)) {
    if (begins_with_sip(line.substr(at + 1))) return true;
  }
  return begins_with_sip(line.substr(token + 1));
}

Defect read_start_line(string_view line, RawMessage& out) {
  return begins_with_sip(line) ? read_status_line(line, out) : read_request_line(line, out);
}

}  // namespace postern::sip
