// Stepping through parameters. Internal to sip/.
#pragma once

#include <string_view>

namespace postern::sip {

struct Param {
  std::string_view whole;  ///< from its ";" to the next
  std::string_view name;
  std::string_view value;  ///< quotes included; empty: none
};

/// Takes the first parameter of ";a=b;c" off `rest`. False: none is left.
bool next_param(std::string_view& rest, Param& out);

/// Is every name written without escapes? Some readers decode them (RFC 3261 §25.1 has them in URI parameters, where "%6daddr" is maddr),
/// some do not; no device writes any.
bool names_are_literal(std::string_view params);

}  // namespace postern::sip
