// What goes on tells of calls: it keeps the table of them.
#pragma once

#include <string>
#include <string_view>

#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class CallWatch {
 public:
  explicit CallWatch(State& state) : state_(state) {}

  /// A request that goes on from the access side. `in_dialog`: its token is that of its dialog. `enters`: an INVITE outside of one is
  /// entered at once (it is not a stranger's); else a call is entered when it rings.
  void from_access(const sip::RawMessage& request, const Flow& access, bool in_dialog, bool enters, TimePoint now);
  /// A request of the PBX that goes on to a device, whose user in our Contact is `contact_user`.
  void from_core(const sip::RawMessage& request, const Flow& access, std::string_view contact_user, TimePoint now);
  /// A response that is about to be passed on; `transaction` as it is before.
  void answered(const sip::RawMessage& response, const Transaction& transaction, TimePoint now);

 private:
  void in_dialog(const sip::RawMessage& request, Side asker, TimePoint now);
  [[nodiscard]] CallKeys keys_of(const sip::RawMessage& message, Side asker, bool core_wrote);

  State& state_;
  std::string call_id_, tag_;  ///< as the access side knows them
};

}  // namespace postern::sbc
