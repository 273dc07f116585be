// Emergency calls: what nothing stops (sip-behaviour.md, Calls and limits).
#pragma once

#include <array>
#include <cstdint>

#include "acl/bounded_table.hpp"
#include "sbc/admission.hpp"
#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class Emergency {
 public:
  /// A call is more than one INVITE: repetitions, and once more with credentials.
  static constexpr std::uint32_t messages_a_call = 16;
  static constexpr std::chrono::seconds call_time{32};  ///< RFC 3261 timer B
  /// What goes on in a call whose source is over its limits: ACK, CANCEL, PRACK, session refreshes, BYE.
  static constexpr std::uint32_t messages_beyond_limits = 64;

  Emergency(State& state, Admission& admission, std::uint64_t seed) : state_(state), admission_(admission), callers_(capacity, seed) {}

  /// Is this an INVITE to an emergency number, outside a dialog, over a registered flow or from a trusted source, and not one call too
  /// many? Then it is told and counted (told again once it proves where it comes from), and `source` says so to all gates and limits to
  /// come: they let it pass. Only such sources' INVITEs are looked at.
  bool admit(const sip::RawMessage& request, const Flow& flow, SourceStanding& source, TimePoint now);
  /// The same for what a source that is over its limits goes on to say in one of its last such calls: a message of its own dialog or of a
  /// known transaction.
  void carry_on(const sip::RawMessage& message, const Flow& flow, SourceStanding& source);
  [[nodiscard]] std::uint64_t evictions() const { return callers_.evictions(); }

 private:
  static constexpr std::size_t capacity = 65'536;

  /// One source; what merely bears its address spends nothing of what is proven to be its own.
  struct Caller {
    struct Call {
      std::uint64_t id = 0;
      TimePoint since;
      std::uint32_t messages = 0;  ///< that began it; 0: there is none
      std::uint32_t beyond_limits = 0;
      bool proven = false;  ///< one of them told where it comes from, and that was told
    };
    std::array<acl::TokenBucket, 2> buckets;  ///< by `proven`
    std::array<Call, 6> calls;                ///< the last ones: as many as both buckets have room for
  };
  struct Oldest {
    static acl::Worth worth(const Caller& /*caller*/, std::uint32_t idle_ticks, TimePoint /*now*/) {
      return {0, -std::int64_t{idle_ticks}};
    }
  };

  [[nodiscard]] bool is_emergency_number(const sip::RawMessage& request) const;
  /// Of a new call: is there room for it?
  bool take(Caller& caller, bool proven, TimePoint now);
  void tell(const sip::RawMessage& request, const Flow& flow, bool proven);

  State& state_;
  Admission& admission_;
  acl::BoundedTable<Caller, Oldest> callers_;
};

}  // namespace postern::sbc
