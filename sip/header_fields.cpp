#include "sip/header_fields.hpp"

#include "sip/chars.hpp"
#include "sip/plain.hpp"
#include "sip/readers.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr std::uint32_t most_cseq = 0x7FFF'FFFF;  // §8.1.1.5: less than 2^31
constexpr std::uint32_t most_max_forwards = 255;  // §20.22

/// From and To: one name-addr. A sip: URI must be split without doubt, since rules look at its user.
bool read_address(string_view value, plain::Address& out, RawMessage& message) {
  if (plain::read_address(value, out)) return true;
  message.plain = false;
  NameAddrView address;
  if (!read_name_addr(value, address)) return false;
  out = {{}, {}, find_param(address.params, "tag").value_or(string_view{})};
  if (iequals(address.uri.substr(0, 4), "tel:"))
    out.user = address.uri.substr(4);  // up to its parameters, which canonical_user() takes off
  if (!iequals(address.uri.substr(0, 4), "sip:") && !iequals(address.uri.substr(0, 5), "sips:")) return true;
  UriView uri;
  if (!read_uri(address.uri, uri)) return false;
  out.user = uri.user;
  return true;
}

Defect read_top_via(string_view value, RawMessage& out) {
  if (plain::read_via(value, out.top_via, out.branch)) return Defect::none;
  out.plain = false;
  out.top_via = {};
  out.branch = {};
  // Nearly always there is one element.
  const auto first = value.find(',') == string_view::npos ? value : ElementReader(value).next();
  if (!first || !read_via(*first, out.top_via)) {
    out.top_via = {};
    return Defect::via;
  }
  out.branch = find_param(out.top_via.params, "branch").value_or(string_view{});
  return out.top_via.is_sip_2() ? Defect::none : Defect::via;
}

/// 1*DIGIT LWS Method (§20.16); the method is that of the request.
Defect read_cseq(string_view value, RawMessage& out) {
  const std::size_t digits = chars::run(value, chars::digit);
  const auto number = read_number(value.substr(0, digits), most_cseq);
  const string_view method = chars::skip_blank(value.substr(digits));
  if (!number || method.empty() || digits + method.size() == value.size() || !chars::all(method, chars::token)) return Defect::cseq;
  out.cseq = *number;
  if (out.is_request) return method == out.method_text ? Defect::none : Defect::cseq_method;
  out.method_text = method;
  out.method = method_of(method);
  return parser_takes_method(method) ? Defect::none : Defect::method;
}

/// RAck ends in a method too (RFC 3262 §7.2), which the parser would read as it reads the request's.
Defect read_rack(string_view value) {
  std::size_t begin = value.size();
  while (begin > 0 && chars::is(value[begin - 1], chars::token)) --begin;
  return parser_takes_method(value.substr(begin)) ? Defect::none : Defect::bad_header_line;
}

}  // namespace

bool stands_once(HeaderName name) {
  switch (name) {
    case HeaderName::from:
    case HeaderName::to:
    case HeaderName::call_id:
    case HeaderName::cseq:
    case HeaderName::max_forwards:
    case HeaderName::content_length:
    case HeaderName::content_type:
    case HeaderName::expires:
    case HeaderName::refer_to:
    case HeaderName::referred_by:
    case HeaderName::user_agent:
    case HeaderName::replaces:
    case HeaderName::event:
    case HeaderName::rack:
    case HeaderName::session_expires:
      return true;
    default:
      return false;
  }
}

bool decides(HeaderName name) {
  switch (name) {
    case HeaderName::via:
    case HeaderName::from:
    case HeaderName::to:
    case HeaderName::call_id:
    case HeaderName::cseq:
    case HeaderName::contact:
    case HeaderName::max_forwards:
    case HeaderName::content_length:
    case HeaderName::content_type:
    case HeaderName::route:
    case HeaderName::record_route:
    case HeaderName::require:
    case HeaderName::proxy_require:
    case HeaderName::authorization:
    case HeaderName::proxy_authorization:
    case HeaderName::www_authenticate:
    case HeaderName::proxy_authenticate:
    case HeaderName::expires:
    case HeaderName::refer_to:
    case HeaderName::referred_by:
    case HeaderName::replaces:
    case HeaderName::rack:
      return true;
    default:
      return false;
  }
}

Defect read_header(HeaderName name, string_view value, RawMessage& out) {
  switch (name) {
    case HeaderName::via:
      return read_top_via(value, out);
    case HeaderName::from: {
      plain::Address from;
      if (!read_address(value, from, out)) return Defect::from;
      out.from_user = from.user;
      out.from_host = from.host;
      out.from_tag = from.tag;
      return Defect::none;
    }
    case HeaderName::to: {
      plain::Address to;
      if (!read_address(value, to, out)) return Defect::to;
      out.to_user = to.user;
      out.to_host = to.host;
      out.to_tag = to.tag;
      return Defect::none;
    }
    case HeaderName::call_id:
      out.call_id = value;
      return value.empty() || chars::any(value, chars::blank) ? Defect::call_id : Defect::none;
    case HeaderName::cseq:
      return read_cseq(value, out);
    case HeaderName::max_forwards:
      return read_number(value, most_max_forwards) ? Defect::none : Defect::max_forwards;
    case HeaderName::rack:
      return read_rack(value);
    case HeaderName::user_agent:
      if (out.is_request) out.user_agent = value.substr(0, Bounds::user_agent);
      return Defect::none;
    default:
      return Defect::none;
  }
}

}  // namespace postern::sip
