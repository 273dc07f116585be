#include <array>
#include <charconv>

#include "sip/chars.hpp"
#include "sip/params.hpp"
#include "sip/readers.hpp"
#include "sip/uri.hpp"
#include "sip/via_edit.hpp"

namespace postern::sip {
namespace {

using std::string_view;

/// A token with the white space behind it taken off the front of `rest`; empty: none.
string_view take_token(string_view& rest) {
  const string_view token = rest.substr(0, chars::run(rest, chars::token));
  rest = chars::skip_blank(rest.substr(token.size()));
  return token;
}

/// SLASH with white space around it (§25.1).
bool take_slash(string_view& rest) {
  if (rest.empty() || rest.front() != '/') return false;
  rest = chars::skip_blank(rest.substr(1));
  return true;
}

string_view without_brackets(string_view host) { return !host.empty() && host.front() == '[' ? host.substr(1, host.size() - 2) : host; }

}  // namespace

bool read_via(string_view element, ViaView& out) {
  out.whole = chars::trim(element);
  string_view rest = out.whole;
  if (!iequals(take_token(rest), "SIP") || !take_slash(rest)) return false;
  out.version = take_token(rest);
  if (out.version.empty() || !take_slash(rest)) return false;
  out.transport = take_token(rest);
  // White space must stand between transport and host.
  if (out.transport.empty() || out.transport.data() + out.transport.size() == rest.data()) return false;
  HostPort host;
  if (!read_host_port(rest, true, host)) return false;
  out.sent_by = host.whole;
  out.host = host.host;
  out.port = host.port;
  out.params = host.rest;
  return (out.params.empty() || out.params.front() == ';') && chars::quotes_balance(out.params) && names_are_literal(out.params);
}

std::optional<ViaView> ViaView::parse(string_view element) {
  std::optional<ViaView> out(std::in_place);
  if (!read_via(element, *out)) out.reset();
  return out;
}

std::optional<string_view> ViaView::param(string_view name) const { return find_param(params, name); }

void append_with_received(std::string& out, const ViaView& via, string_view host, std::uint16_t port, bool force_rport) {
  const bool rport = force_rport || via.param("rport").has_value();
  const bool received = rport || !iequals(without_brackets(via.host), host);
  std::array<char, 6> digits;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const char* const digits_end = std::to_chars(digits.data(), digits.data() + digits.size(), port).ptr;
  const string_view front{via.whole.data(), via.whole.size() - via.params.size()};
  out.append(via.params.empty() ? front : chars::trim_end(front));
  // Whatever the client wrote in them, ours replace it: answers must not go where the sender says.
  string_view rest = via.params;
  Param param;
  while (next_param(rest, param)) {
    if (!iequals(param.name, "received") && !(rport && iequals(param.name, "rport"))) out.append(param.whole);
  }
  if (received) out.append(";received=").append(host);
  if (rport) out.append(";rport=").append(string_view(digits.data(), digits_end));
}

std::string with_received(const ViaView& via, string_view host, std::uint16_t port, bool force_rport) {
  std::string out;
  append_with_received(out, via, host, port, force_rport);
  return out;
}

}  // namespace postern::sip
