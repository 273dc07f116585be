// What an operator has to know before all else, in words: on top of `postern status` and `postern top`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/net/worker_facts.hpp"

namespace postern::net {

/// What `postern bypass` means.
inline constexpr std::string_view bypass_meaning =
    "nobody is banned, and nothing is refused but by traps, `postern block`, limits.pbx and for what cannot be forwarded";

/// Of each switch that stands, as SwitchFile::json() tells them.
std::vector<std::string> switch_warnings(const nlohmann::ordered_json& stands);
/// A PBX that does not answer or has banned Postern, a worker that is stuck.
std::vector<std::string> state_warnings(const WorkerFacts& facts);

}  // namespace postern::net
