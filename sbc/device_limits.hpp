// limits.per_device and limits.concurrent_calls: what one device may ask of the PBX, however many addresses it asks from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sbc/admission.hpp"
#include "sbc/answers.hpp"
#include "sbc/credentials.hpp"
#include "sbc/device_use.hpp"
#include "sbc/outbox.hpp"
#include "sbc/outcome.hpp"
#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// Whom the PBX takes a request for: the user name of credentials that reach it, else the user of From (of a REGISTER: To). Escapes
/// decoded, into `buffer` where there were some.
std::string_view device_of(const sip::RawMessage& request, const CredentialsVerdict& credentials, std::span<char> buffer);

class DeviceLimits {
 public:
  DeviceLimits(State& state, Admission& admission, Answers& answers) : state_(state), admission_(admission), answers_(answers) {
    apply({});
  }
  /// Takes over the state's options; what devices have used stays.
  void apply(TimePoint now);

  /// A request that would now go to the PBX, outside of a dialog. Over a limit it is answered: 486 where the device makes as many calls as
  /// it may, so that the phone says "busy" and asks no other server; else 503 with Retry-After. nullopt: it may go on, with `claim`.
  std::optional<Outcome> over(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source,
                              const CredentialsVerdict& credentials, DeviceClaim& claim, TimePoint now, Outbox& out);
  /// A response of the PBX that is about to be passed on; `transaction` as it is before, but for its claim. The jail hears of calls that
  /// were refused.
  void answered(const sip::RawMessage& response, Transaction& transaction, TimePoint now);

 private:
  std::optional<Outcome> refuse(Outcome outcome, const sip::RawMessage& request, const Flow& flow, bool proven, TimePoint now, Outbox& out);

  State& state_;
  Admission& admission_;
  Answers& answers_;
  std::array<DeviceAllowance, sip::method_count> allowances_;
};

}  // namespace postern::sbc
