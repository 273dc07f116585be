// What the running daemon would make of a packet: `postern explain --live`.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <variant>

#include "acl/travel_passes.hpp"
#include "sbc/engine.hpp"
#include "sbc/explain.hpp"
#include "sbc/net/control.hpp"
#include "sbc/net/state_record.hpp"
#include "sbc/options.hpp"

namespace postern::net {

/// What is asked, and by what it is judged.
struct LiveQuestion {
  sbc::EngineOptions options;
  std::shared_ptr<const acl::Policy> policy;
  std::shared_ptr<const acl::TravelPasses> passes;  ///< that stand from DryRun::epoch on
  std::shared_ptr<const sbc::Switches> switches;    ///< the same
  sbc::RequestSketch sketch;
  std::optional<std::string> message;  ///< instead of what describes it
  sbc::Flow flow;                      ///< that it comes over
};

/// Of the arguments of the command `explain`: `source` (an address), `port`, `transport`, `listener`, `method`, `from`, `to`,
/// `request_uri`, `user_agent`, or `message` (base64url). A text says what is wrong with them. It is judged by what is put into it
/// afterwards.
std::variant<LiveQuestion, std::string> live_question(const ControlArguments& arguments, const sbc::EngineOptions& options);

/// `facts` is what the engine knows of the source, at the time of `clocks`. The answer: what `explain --json` prints, and `state`, an array
/// of texts: what stands about that source now. Takes some milliseconds: not on a packet's thread.
nlohmann::ordered_json answer_live(LiveQuestion question, const sbc::SourceFacts& facts, const Clocks& clocks);

/// What stands about a source, for the operator.
nlohmann::ordered_json state_of(const sbc::SourceFacts& facts, const Clocks& clocks);

}  // namespace postern::net
