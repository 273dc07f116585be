// SIP methods as a small number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::sip {

/// The methods of RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665; `other` is any other token.
enum class Method : std::uint8_t {
  ack,
  bye,
  cancel,
  info,
  invite,
  message,
  notify,
  options,
  prack,
  publish,
  refer,
  register_,  // NOLINT(readability-identifier-naming): a keyword without the underscore
  subscribe,
  update,
  other
};
inline constexpr std::size_t method_count = 15;

/// Case-sensitive (RFC 3261 §7.1).
Method method_of(std::string_view token);
/// "REGISTER"; "other" for Method::other (the word that metrics use).
std::string_view to_string(Method method);
/// False: a token that sofia-sip refuses or, worse, reads past the end of ("PING", "SERVICE", "a+b"); such a request is answered 501
/// without its parser. Pinned by tests/sip/sofia_traps_test.cpp.
bool parser_takes_method(std::string_view token);

}  // namespace postern::sip
