// The countries that calls have gone to: the first call to another one is told.
#pragma once

#include <array>
#include <atomic>
#include <string_view>
#include <vector>

#include "acl/calling_codes.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

struct State;
struct Transaction;

/// One for all workers; any thread.
class CalledCountries {
 public:
  /// Was none called there before? It was from now on.
  bool first(acl::CallingPlace place) {
    std::atomic<bool>& called = called_.at(place.index());
    return !called.load(std::memory_order_relaxed) && !called.exchange(true);
  }
  [[nodiscard]] std::vector<std::string_view> words() const;

 private:
  std::array<std::atomic<bool>, acl::CallingPlace::most> called_{};
};

/// A response of the PBX to a device's INVITE or REFER, which goes on to the device; `transaction` as it is before. Only a call that rings
/// or is answered counts, and a transfer that is accepted: what a stranger dials, and the PBX refuses, uses up nothing. Each place is told
/// once, so nothing holds it back.
void note_called_country(State& state, const sip::RawMessage& response, const Transaction& transaction);

}  // namespace postern::sbc
