// Scalars that hold an address, or a part of one: URLs, transports, endpoints, hosts, networks.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/located.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"

namespace postern::config {
namespace {

/// A URL's scheme is the word for its transport.
struct Scheme {
  sbc::Transport transport;
  std::uint16_t port;
};
constexpr std::array<Scheme, 5> schemes{{{sbc::Transport::udp, 5060},
                                         {sbc::Transport::tcp, 5060},
                                         {sbc::Transport::tls, 5061},
                                         {sbc::Transport::ws, 80},
                                         {sbc::Transport::wss, 443}}};

auto scheme_named(std::span<const Scheme> among, std::string_view name) {
  return std::find_if(among.begin(), among.end(), [&](const Scheme& scheme) { return sbc::to_string(scheme.transport) == name; });
}

/// Letters, digits and hyphens between dots, as RFC 1123 §2.1 has them; underscores too, which private zones use.
bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.starts_with('.') || text.starts_with('-')) return false;
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
  });
  // Digits and dots alone are a mistyped address.
  return good && text.find("..") == std::string_view::npos && text.find_first_not_of("0123456789.") != std::string_view::npos;
}

/// A link-local address, with its zone ("fe80::1%eth0") or without: whom it reaches depends on the interface, which a URI cannot name
/// (RFC 4007 §6, RFC 3986 §3.2.2).
bool needs_interface(std::string_view host) {
  const std::size_t zone = host.find('%');
  const auto address = acl::Address::parse(host.substr(0, zone));
  return address && !address->is_v4() &&
         (zone != std::string_view::npos || acl::Network(*acl::Address::parse("fe80::"), 10).contains(*address));
}

struct Authority {
  std::string host;                     ///< without brackets
  std::optional<acl::Address> address;  ///< absent: a name
  std::uint16_t port = 0;               ///< 0: none written
};

/// The port's digits; 0 is none.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number(text);
  if (!port || *port == 0 || *port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

struct AuthorityResult {
  std::optional<Authority> authority;
  std::string problem;  ///< a better one than "must be ...", if there is one
};

/// "192.0.2.1", "[2001:db8::1]:5060", "name:5060".
AuthorityResult parse_authority(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  const bool bracketed = text.starts_with('[');
  if (!bracketed && acl::Address::parse(text) && text.find(':') != std::string_view::npos)
    return {std::nullopt, fmt::format("an IPv6 address stands in brackets: [{}]", text)};
  const std::size_t colon = bracketed ? text.find("]:") : text.find(':');
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon + (bracketed ? 1 : 0));
    port = text.substr(colon + (bracketed ? 2 : 1));
  }
  Authority authority;
  if (colon != std::string_view::npos) {
    const auto number = parse_port(port);
    if (!number && parse_number(port)) return {std::nullopt, fmt::format("the port must be between 1 and 65535, got {}", port)};
    if (!number) return {};
    authority.port = *number;
  }
  if (bracketed && !host.ends_with(']')) return {};
  if (bracketed) host = host.substr(1, host.size() - 2);
  authority.address = acl::Address::parse(host);
  if (bracketed && needs_interface(host))
    return {std::nullopt, fmt::format("{} means something on one interface only; a global or unique local address is needed", host)};
  const bool is_v6_text = host.find(':') != std::string_view::npos;
  if (bracketed != (authority.address && is_v6_text)) return {};
  if (!authority.address && !is_host_name(host)) return {};
  authority.host = host;
  return {authority, {}};
}

Parsed wrong_authority(const Kind& kind, std::string_view text, const AuthorityResult& result) {
  return result.problem.empty() ? expected(kind, text) : Parsed::wrong(result.problem);
}

Parsed nobody_reaches(std::string_view text) {
  return Parsed::wrong(fmt::format("nobody can reach a wildcard address: {}", in_quotes(text)));
}

/// What was written is an address without its scheme, or with the one of a SIP URI.
Parsed without_scheme(const Kind& kind, std::string_view text, std::string_view scheme) {
  std::string_view rest = text;
  if (rest.starts_with("sip:")) rest.remove_prefix(4);
  const AuthorityResult result = parse_authority(rest);
  if (!result.authority || !result.authority->address) return wrong_authority(kind, text, result);
  return Parsed::wrong(expected(kind, text).problem + "; did you mean " + in_quotes(std::string(scheme).append(rest)) + "?");
}

Parsed parse_sip_address(const Kind& kind, std::string_view text, std::span<const Scheme> allowed, bool names) {
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return without_scheme(kind, text, "udp://");
  const std::string_view name = text.substr(0, separator);
  const auto scheme = scheme_named(allowed, name);
  if (scheme == allowed.end()) return expected(kind, text);
  const AuthorityResult result = parse_authority(text.substr(separator + 3));
  if (!result.authority) return wrong_authority(kind, text, result);
  const Authority& authority = *result.authority;
  if (!names && !authority.address)
    return Parsed::wrong(fmt::format("must be an address, names are not resolved; got {}", in_quotes(text)));
  return {SipAddress{scheme->transport, authority.host, authority.address, authority.port == 0 ? scheme->port : authority.port}, {}};
}

constexpr std::span<const Scheme> all_schemes{schemes};

Parsed parse_transport(std::string_view text, const Range& /*range*/) {
  if (scheme_named(all_schemes, text) == all_schemes.end()) return expected(kinds::transport, text);
  return {std::string(text), {}};
}

Parsed parse_listener(std::string_view text, const Range& /*range*/) {
  return parse_sip_address(kinds::listener_address, text, all_schemes, false);
}
Parsed parse_pbx(std::string_view text, const Range& /*range*/) {
  return parse_sip_address(kinds::pbx_address, text, all_schemes.first(3), false);
}
Parsed parse_trunk(std::string_view text, const Range& /*range*/) {
  return parse_sip_address(kinds::trunk_address, text, all_schemes.first(3), true);
}
constexpr std::array<Scheme, 1> hep_schemes{{{sbc::Transport::udp, 9060}}};

Parsed parse_hep(std::string_view text, const Range& /*range*/) {
  Parsed parsed = parse_sip_address(kinds::hep_address, text, hep_schemes, false);
  if (parsed.value && std::get<SipAddress>(*parsed.value).address->is_unspecified()) return nobody_reaches(text);
  return parsed;
}

Parsed endpoint(const Kind& kind, std::string_view text, std::string_view whole) {
  const AuthorityResult result = parse_authority(text);
  if (!result.authority) return wrong_authority(kind, whole, result);
  if (!result.authority->address) return Parsed::wrong(fmt::format("must be an address, names are not resolved; got {}", in_quotes(whole)));
  if (result.authority->port == 0) return Parsed::wrong(fmt::format("the port is missing in {}", in_quotes(whole)));
  return {sbc::Endpoint{*result.authority->address, result.authority->port}, {}};
}

Parsed parse_bind(std::string_view text, const Range& /*range*/) { return endpoint(kinds::bind, text, text); }

Parsed parse_http_listener(std::string_view text, const Range& /*range*/) {
  constexpr std::string_view scheme = "http://";
  if (text.find("://") == std::string_view::npos) return without_scheme(kinds::http_listener, text, scheme);
  if (!text.starts_with(scheme)) return expected(kinds::http_listener, text);
  std::string_view rest = text.substr(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  return endpoint(kinds::http_listener, rest, text);
}

/// A web address; what follows the authority is left to the web, but for its fragment, which is never sent (RFC 9110 §7.1). nullopt: it is
/// none.
std::optional<net::WebhookOptions> parse_web(std::string_view text) {
  net::WebhookOptions url;
  url.tls = text.starts_with("https://");
  const std::string_view scheme = url.tls ? "https://" : "http://";
  const bool printable = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!text.starts_with(scheme) || text.size() > 2048 || !printable) return std::nullopt;
  const std::string_view rest = text.substr(scheme.size());
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const auto authority = parse_authority(rest.substr(0, end)).authority;
  if (!authority) return std::nullopt;
  url.host = authority->host;
  url.port = authority->port != 0 ? authority->port : url.tls ? 443 : 80;
  url.target = rest.substr(end, rest.find('#') - end);
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  return url;
}

Parsed parse_http_url(std::string_view text, const Range& /*range*/) {
  if (const auto url = parse_web(text)) return {*url, {}};
  return expected(kinds::http_url, text);
}
Parsed parse_origin(std::string_view text, const Range& /*range*/) {
  const bool path = text.find_first_of("/?#", text.find("://") + 3) != std::string_view::npos;
  if (path || !parse_web(text)) return expected(kinds::origin, text);
  return {std::string(text), {}};
}

Parsed parse_ip(std::string_view text, const Range& /*range*/) {
  const auto address = acl::Address::parse(text);
  if (!address) return expected(kinds::ip, text);
  return {*address, {}};
}

Parsed parse_source(std::string_view text, const Range& /*range*/) {
  if (const auto address = acl::Address::parse(text)) return {sbc::Endpoint{*address, 0}, {}};
  const AuthorityResult result = parse_authority(text);
  if (!result.authority) return wrong_authority(kinds::source, text, result);
  if (!result.authority->address) return expected(kinds::source, text);
  return {sbc::Endpoint{*result.authority->address, result.authority->port}, {}};
}

Parsed parse_host_port(std::string_view text, const Range& /*range*/) {
  const AuthorityResult result = parse_authority(text);
  if (!result.authority) return wrong_authority(kinds::host_port, text, result);
  if (result.authority->address && result.authority->address->is_unspecified()) return nobody_reaches(text);
  return {sbc::HostPort{result.authority->host, result.authority->port}, {}};
}

Parsed parse_host(std::string_view text, const Range& /*range*/) {
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']' && text.find(':') != std::string_view::npos;
  const std::string_view host = bracketed ? text.substr(1, text.size() - 2) : text;
  if (const auto address = acl::Address::parse(host)) return {address->to_string(), {}};
  if (bracketed || !is_host_name(text)) return expected(kinds::host, text);
  return {std::string(text), {}};
}

Parsed parse_network(std::string_view text, const Range& /*range*/) {
  const auto parsed = acl::Network::parse(text);
  if (!parsed) return expected(kinds::network, text);
  std::string warning;
  if (parsed->host_bits_set) warning = fmt::format("{} has host bits set, taken as {}", in_quotes(text), parsed->network.to_string());
  return {parsed->network, std::move(warning)};
}

Parsed parse_network_ref(std::string_view text, const Range& range) {
  Parsed parsed = parse_network(text, range);
  if (parsed.value) return {NetworkRef{{}, std::get<acl::Network>(*parsed.value)}, std::move(parsed.problem)};
  Parsed name = kinds::name.parse(text, range);
  if (!name.value) return expected(kinds::network_ref, text);
  return {NetworkRef{std::get<std::string>(*name.value), {}}, {}};
}

}  // namespace

std::string to_string(const SipAddress& address) {
  const bool v6_text = address.host.find(':') != std::string::npos;
  const char* const scheme = sbc::to_string(address.transport);
  return v6_text ? fmt::format("{}://[{}]:{}", scheme, address.host, address.port)
                 : fmt::format("{}://{}:{}", scheme, address.host, address.port);
}

namespace kinds {
const Kind transport{"transport", "udp, tcp, tls, ws or wss", parse_transport};
const Kind listener_address{"listener URL", "a URL such as udp://0.0.0.0:5060 (udp, tcp, tls, ws or wss)", parse_listener};
const Kind pbx_address{"SIP URL", "a URL such as udp://10.0.0.5:15060 (udp, tcp or tls)", parse_pbx};
const Kind trunk_address{"SIP URL with host", "a URL such as udp://sip.voipco.example (udp, tcp or tls)", parse_trunk};
const Kind hep_address{"HEP URL", "a URL such as udp://10.0.0.9:9060", parse_hep};
const Kind http_listener{"HTTP address", "a URL such as http://127.0.0.1:9460", parse_http_listener};
const Kind http_url{"web URL", "a URL such as https://hooks.example.com/postern", parse_http_url};
const Kind origin{"web origin", "an origin such as https://pbx.example.com", parse_origin};
const Kind bind{"address and port", "an address with its port, such as 10.0.0.2:5080 or [2001:db8::2]:5080", parse_bind};
const Kind ip{"address", "an IPv4 or IPv6 address", parse_ip};
const Kind source{"source", "an address, perhaps with a port, such as 203.0.113.7:5060 or [2001:db8::7]:5060", parse_source};
const Kind host{"host", "a host name or an address", parse_host};
const Kind host_port{"host and port", "a host name or an address, perhaps with a port, such as sbc.example.com:5061", parse_host_port};
const Kind network{"network", "an address or a network such as 203.0.113.0/24", parse_network};
const Kind network_ref{"network or name", "a network, an address or the name of one", parse_network_ref};
}  // namespace kinds

}  // namespace postern::config
