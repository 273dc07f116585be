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

/// Is every name written without escapes? A header's parameters have none (RFC 3261 §25.1: tokens), yet some readers decode them.
bool names_are_literal(std::string_view params);
/// A URI's parameter may be written with escapes: "%6daddr" is maddr (§19.1.4). `name` is one that we look for.
bool is_named(std::string_view written, std::string_view name);

}  // namespace postern::sip
