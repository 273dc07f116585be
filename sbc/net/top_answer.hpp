// The answer to `postern top`: what has been counted so far, and who sends now.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "sbc/net/worker_facts.hpp"

namespace postern::net {

/// What stands above all.
struct TopHead {
  std::string time;                   ///< as time_text() writes it
  double uptime = 0;                  ///< seconds
  std::vector<std::string> warnings;  ///< what an operator has to know before all else
};

/// `{"address", "up", "heard"}` for each address of the PBX, as `status` and `top` have it.
nlohmann::ordered_json pbx_json(const sbc::PbxUps& addresses);

/// One object; docs/operations.md names its keys. Counters since the start, of which two answers make rates. Bounded by what is counted.
std::string top_json(const WorkerFacts& facts, TopHead head);

}  // namespace postern::net
