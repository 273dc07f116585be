// URIs and addresses in headers, as views into the message (RFC 3261 §19.1, §20.10, §25.1).
// Nothing is decoded and nothing allocated: what is not touched goes on byte for byte.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern::sip {

/// A part of a message: [begin, end) in its bytes.
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] std::uint32_t size() const { return end - begin; }
  [[nodiscard]] bool empty() const { return begin == end; }
};

/// A sip: or sips: URI, split. `whole` = scheme ":" [user [":" password] "@"] host [":" port] [params] [headers].
struct UriView {
  std::string_view whole;
  std::string_view scheme;  ///< as written
  std::string_view user;    ///< without password; empty if there is no "@"
  std::string_view password;
  std::string_view host;       ///< IPv6 with its brackets
  std::string_view port_text;  ///< digits as written, may be empty
  std::uint16_t port = 0;      ///< 0: none given
  std::string_view params;     ///< with its leading ";", may be empty
  std::string_view headers;    ///< with its leading "?", may be empty
  bool has_user = false;       ///< there is an "@"

  /// nullopt: not sip: or sips:, or not well-formed enough to be split without doubt.
  static std::optional<UriView> parse(std::string_view uri);
  /// The value of a URI parameter (names without case); nullopt: absent; "" : present without value.
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;
  /// host[:port] as written.
  [[nodiscard]] std::string_view host_port() const;
};

/// One element of From, To, Contact, Route, Record-Route, Refer-To ...: [display] <uri> params, or uri params.
struct NameAddrView {
  std::string_view whole;    ///< the element without the white space around it
  std::string_view display;  ///< as written, quotes included
  std::string_view uri;      ///< without the angle brackets
  std::string_view params;   ///< header parameters with the leading ";" (white space kept), may be empty
  bool bracketed = false;    ///< without brackets everything after ";" is a header parameter (§20)

  /// nullopt: unbalanced quotes or brackets, or no URI.
  static std::optional<NameAddrView> parse(std::string_view element);
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;
};

/// Steps through the elements of a comma-separated header value; commas in quotes, brackets and comments do not count.
class ElementReader {
 public:
  explicit ElementReader(std::string_view value) : rest_(value) {}
  /// The next element without the white space around it; nullopt at the end, or where quotes or brackets do not balance. Empty elements
  /// are passed over.
  std::optional<std::string_view> next();

 private:
  std::string_view rest_;
};

/// One element of a Via (§20.42).
struct ViaView {
  std::string_view whole;
  std::string_view version;    ///< of the sent-protocol: "2.0"
  std::string_view transport;  ///< as written: "UDP"
  std::string_view sent_by;    ///< host[:port] as written
  std::string_view host;
  std::uint16_t port = 0;   ///< 0: none given
  std::string_view params;  ///< with the leading ";"

  static std::optional<ViaView> parse(std::string_view element);
  [[nodiscard]] bool is_sip_2() const { return version == "2.0"; }
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const;
};

/// A parameter in ";a=b;c" text, names without case, quoted values with their quotes; nullopt: absent.
std::optional<std::string_view> find_param(std::string_view params, std::string_view name);
/// A user part as a PBX takes it: escapes decoded (§19.1.2; a broken one stays as it is), without user parameters (";npdi") and what
/// stands behind a NUL, no longer than `buffer`, which holds it if there was something to decode.
std::string_view canonical_user(std::string_view user, std::span<char> buffer);
namespace detail {
/// Of texts of one size.
bool iequals(std::string_view a, std::string_view b);
}  // namespace detail
/// ASCII comparison without case. Of most that are compared the sizes tell, without a call.
inline bool iequals(std::string_view a, std::string_view b) { return a.size() == b.size() && detail::iequals(a, b); }
/// Appends `params` without the parameters of these names (all their occurrences).
void append_params_without(std::string& out, std::string_view params, std::span<const std::string_view> names);

}  // namespace postern::sip
