// Calls that came to nothing, as a sign of fraud.
#pragma once

#include <string_view>

#include "sbc/flow.hpp"
#include "sbc/state.hpp"
#include "sbc/transactions.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// A device dialled a number that its class of service denies, or that the PBX refused or did not reach.
struct RefusedDestination {
  const Flow& flow;
  std::string_view device;
  std::string_view number;   ///< as acl::DialledNumber has it
  std::string_view call_id;  ///< for the log, as the next
  std::string_view user_agent = {};
  bool proven = false;  ///< the request showed where it comes from
};

/// The one place where such a call is told. The same number under many prefixes (PrefixWalks) is counted and logged: evidence against the
/// device at that source, proven if all those requests were.
/// True: it is that.
bool note_refused_destination(State& state, const RefusedDestination& refused, TimePoint now);

/// The same of a final response of the PBX to an INVITE that it took for the device's. Busy and given up are no refusals.
void note_refused_destination(State& state, const sip::RawMessage& response, const Transaction& transaction, TimePoint now);

}  // namespace postern::sbc
