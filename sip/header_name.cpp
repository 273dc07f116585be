#include "sip/header_name.hpp"

#include <array>

#include "sip/chars.hpp"
#include "sip/uri.hpp"

namespace postern::sip {
namespace {

constexpr std::size_t name_count = static_cast<std::size_t>(HeaderName::x_postern) + 1;

/// In the order of HeaderName.
constexpr std::array<std::string_view, name_count> header_names{"",
                                                                "Accept",
                                                                "Alert-Info",
                                                                "Allow",
                                                                "Allow-Events",
                                                                "Authentication-Info",
                                                                "Authorization",
                                                                "Call-ID",
                                                                "Call-Info",
                                                                "Contact",
                                                                "Content-Encoding",
                                                                "Content-Length",
                                                                "Content-Type",
                                                                "CSeq",
                                                                "Date",
                                                                "Diversion",
                                                                "Error-Info",
                                                                "Event",
                                                                "Expires",
                                                                "From",
                                                                "History-Info",
                                                                "In-Reply-To",
                                                                "Join",
                                                                "Max-Forwards",
                                                                "MIME-Version",
                                                                "Min-Expires",
                                                                "Organization",
                                                                "P-Access-Network-Info",
                                                                "P-Asserted-Identity",
                                                                "P-Called-Party-ID",
                                                                "P-Charging-Function-Addresses",
                                                                "P-Charging-Vector",
                                                                "P-Preferred-Identity",
                                                                "P-Served-User",
                                                                "Path",
                                                                "Proxy-Authenticate",
                                                                "Proxy-Authorization",
                                                                "Proxy-Require",
                                                                "RAck",
                                                                "Reason",
                                                                "Record-Route",
                                                                "Refer-Sub",
                                                                "Refer-To",
                                                                "Referred-By",
                                                                "Remote-Party-ID",
                                                                "Replaces",
                                                                "Require",
                                                                "Retry-After",
                                                                "Route",
                                                                "RSeq",
                                                                "Server",
                                                                "Service-Route",
                                                                "Session-Expires",
                                                                "Subject",
                                                                "Subscription-State",
                                                                "Supported",
                                                                "Target-Dialog",
                                                                "To",
                                                                "Unsupported",
                                                                "User-Agent",
                                                                "Via",
                                                                "Warning",
                                                                "WWW-Authenticate",
                                                                "",
                                                                ""};
static_assert(header_names[static_cast<std::size_t>(HeaderName::www_authenticate)] == "WWW-Authenticate");

constexpr std::size_t slots = 512;

/// Collision-free over our names (the table below does not compile otherwise). Reads no more than the name has. Case counts for nothing in
/// letters, and of other characters only the hyphen stands in our names.
constexpr std::size_t hash(std::string_view name, unsigned seed) {
  const auto at = [name](std::size_t i) { return static_cast<unsigned char>(name[i]) | 0x20U; };
  const auto size = static_cast<unsigned>(name.size());
  const unsigned mixed = (at(0) + 37U * at(size / 2) + 1009U * at(size - 1) + 7919U * size) * seed;
  return (mixed >> 16U) % slots;
}

consteval unsigned find_seed() {
  for (unsigned seed = 2'654'435'769U;; seed += 2) {
    std::array<bool, slots> used{};
    bool free = true;
    for (const std::string_view name : header_names) {
      if (name.empty()) continue;
      bool& slot = used.at(hash(name, seed));
      free = free && !slot;
      slot = true;
    }
    if (free) return seed;
  }
}
constexpr unsigned seed = find_seed();

consteval std::array<HeaderName, slots> make_table() {
  std::array<HeaderName, slots> table{};
  for (std::size_t i = 0; i < name_count; ++i) {
    if (!header_names.at(i).empty()) table.at(hash(header_names.at(i), seed)) = static_cast<HeaderName>(i);
  }
  return table;
}
constexpr std::array<HeaderName, slots> table = make_table();

/// Compact forms in the IANA registry; a, b, d, j, n, y stand for headers that we have no use for, but b.
HeaderName compact(char letter) {
  switch (chars::lower(letter)) {
    case 'b':
      return HeaderName::referred_by;
    case 'c':
      return HeaderName::content_type;
    case 'e':
      return HeaderName::content_encoding;
    case 'f':
      return HeaderName::from;
    case 'i':
      return HeaderName::call_id;
    case 'k':
      return HeaderName::supported;
    case 'l':
      return HeaderName::content_length;
    case 'm':
      return HeaderName::contact;
    case 'o':
      return HeaderName::event;
    case 'r':
      return HeaderName::refer_to;
    case 's':
      return HeaderName::subject;
    case 't':
      return HeaderName::to;
    case 'u':
      return HeaderName::allow_events;
    case 'v':
      return HeaderName::via;
    case 'x':
      return HeaderName::session_expires;
    default:
      return HeaderName::unknown;
  }
}

HeaderName by_prefix(std::string_view name) {
  constexpr std::string_view asterisk = "X-Asterisk";
  constexpr std::string_view postern = "X-Postern";
  if (iequals(name.substr(0, asterisk.size()), asterisk)) return HeaderName::x_asterisk;
  if (iequals(name.substr(0, postern.size()), postern)) return HeaderName::x_postern;
  return HeaderName::unknown;
}

}  // namespace

HeaderName header_name_of(std::string_view name) {
  if (name.empty()) return HeaderName::unknown;
  if (name.size() == 1) return compact(name.front());
  const HeaderName found = table[hash(name, seed)];
  if (found != HeaderName::unknown && iequals(name, header_names[static_cast<std::size_t>(found)])) return found;
  return chars::lower(name.front()) == 'x' ? by_prefix(name) : HeaderName::unknown;
}

std::string_view to_string(HeaderName name) { return header_names[static_cast<std::size_t>(name)]; }

}  // namespace postern::sip
