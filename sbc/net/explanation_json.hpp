// An explanation as a program reads it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sbc/explain.hpp"

namespace postern::net {

/// `{"verdict", "reason", "rule", "file", "line", "status", "score"}`; where there are any `detail` (of what is malformed), `pass` (the
/// rule that does not hold for a travel pass), `number` and `class`.
nlohmann::ordered_json to_json(const sbc::Explanation& explanation);

}  // namespace postern::net
