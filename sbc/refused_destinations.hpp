// Calls that came to nothing, as a sign of fraud.
#pragma once

#include <string_view>

#include "sbc/flow.hpp"
#include "sbc/jail.hpp"
#include "sbc/state.hpp"
#include "sbc/transactions.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// A device dialled a number that its class of service denies, or that the PBX refused or did not reach. Or it has the PBX dial it by
/// REFER: what comes of that is never learned for sure.
struct RefusedDestination {
  const Flow& flow;
  std::string_view device;           ///< whose password the request bears; else who it says it is
  std::string_view number;           ///< as acl::DialledNumber has it
  std::string_view user_agent = {};  ///< for the log
  bool proven = false;               ///< the request showed where it comes from
  bool denied = false;               ///< by its class, so that it is a strike by itself
};

/// The one place where such a call is told; `message`: the request, or the answer to it. The same number under many prefixes (PrefixWalks)
/// is counted and logged: evidence against the device at that source, proven if all those requests were. `jail` judges by it, and by what
/// is denied, but not those who are registered over the flow.
void note_refused_destination(State& state, Jail& jail, const sip::RawMessage& message, const RefusedDestination& refused, TimePoint now);

/// The same of a final response of the PBX to an INVITE of a device. Busy and given up are no refusals.
void note_refused_destination(State& state, Jail& jail, const sip::RawMessage& response, const Transaction& transaction, TimePoint now);

}  // namespace postern::sbc
