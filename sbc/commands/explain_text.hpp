// Explanations as an operator and a program read them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sbc/explain.hpp"

namespace postern::commands {

/// `{"verdict", "reason", "rule", "file", "line", "status"}`.
nlohmann::ordered_json to_json(const sbc::Explanation& explanation);
/// `reject 403 by the rule "abroad" (postern.yaml:12), reason rule_reject`.
std::string in_one_line(const sbc::Explanation& explanation);
/// A line for each thing that is known.
std::string in_full(const sbc::Explanation& explanation);
/// One line of JSON; bytes that are no UTF-8 are replaced.
std::string dump(const nlohmann::ordered_json& json);

}  // namespace postern::commands
