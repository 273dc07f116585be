// Explanations as an operator reads them; what they say is the JSON of net::to_json().
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace postern::commands {

/// `reject 403 by the rule "abroad" (postern.yaml:12), reason rule_reject`.
std::string in_one_line(const nlohmann::ordered_json& explanation);
/// A line for each thing that is known.
std::string in_full(const nlohmann::ordered_json& explanation);
/// One line of JSON; bytes that are no UTF-8 are replaced.
std::string dump(const nlohmann::ordered_json& json);

}  // namespace postern::commands
