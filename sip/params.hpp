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

}  // namespace postern::sip
