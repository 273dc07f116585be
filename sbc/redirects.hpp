// What becomes of a phone's 3xx: whoever is called must not choose whom the PBX dials (toll fraud).
#pragma once

#include <string>
#include <string_view>

#include "sbc/call_gate.hpp"
#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class Redirects {
 public:
  explicit Redirects(State& state) : state_(state), gate_(state) {}

  /// Of a 3xx from the access side with `redirects: internal`: the user of the first Contact that the class of the phone at this flow
  /// allows, as it stands in a URI. Else, and of any other response, empty; a 3xx that goes nowhere is told to the log. The text holds
  /// until the next call.
  std::string_view judge(const sip::RawMessage& response, const Flow& flow, TimePoint now);

 private:
  /// Whether the PBX may call this Contact; leaves its user in user_.
  bool allows(std::string_view contact, const sip::RawMessage& response, const Flow& flow, TimePoint now);
  void tell_blocked(const sip::RawMessage& response, const Flow& flow, TimePoint now);

  State& state_;
  CallGate gate_;
  std::string user_;
  CallGate::Denial denial_;  ///< of the last Contact that was denied
};

}  // namespace postern::sbc
