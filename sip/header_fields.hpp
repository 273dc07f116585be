// What the prescreen reads in single header fields. Internal to sip/.
#pragma once

#include <optional>
#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Reads what RawMessage keeps of a header (first of its name) into `out`; none if it is without fault or of no interest.
Defect read_header(HeaderName name, std::string_view value, RawMessage& out);
/// 1*DIGIT up to `most`.
std::optional<std::uint32_t> read_number(std::string_view digits, std::uint32_t most);
/// Headers that may stand once only: a second one would be read differently by different implementations.
bool stands_once(HeaderName name);

}  // namespace postern::sip
