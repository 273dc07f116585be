// The registrations of the other workers, as far as a device that comes back at this one is concerned.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "acl/rate.hpp"

namespace postern::sbc {

/// When a packet of a flow last came in, in ticks of TimePoint: its own worker notes it, any may read it.
using SharedTime = std::atomic<acl::TimePoint::rep>;

/// Of a Binding what tells whether another one takes its place.
struct FellowBinding {
  std::string aor_user, core_contact;
  std::uint64_t call_id = 0, instance = 0;  ///< FellowBindings::key_of()
  acl::TimePoint expires;
  std::shared_ptr<const SharedTime> last_heard;
};

/// Bounded, and so is each AOR's part: what is full evicts the one of it that ends soonest. Nobody tells what he evicts, so that some that
/// their own worker has forgotten stand here (and at the PBX). Look-ups by AOR are O(1) expected.
class FellowBindings {
 public:
  FellowBindings(std::size_t capacity, std::size_t bindings_an_aor, std::uint64_t seed);
  ~FellowBindings();

  /// What a Call-ID or instance is compared by: a hash, the same at all workers (of one seed). 0 is of an empty one.
  [[nodiscard]] std::uint64_t key_of(std::string_view text) const;
  /// Adds it, or takes it for the one with the same aor_user and core_contact, which keeps its age.
  void keep(std::shared_ptr<const FellowBinding> binding);
  /// With that core_contact; empty: all of the AOR.
  void forget(std::string_view aor_user, std::string_view core_contact);
  /// As Registrations::replaced_by(): each of these is over another flow. The pointer holds until the next change.
  [[nodiscard]] const FellowBinding* replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                                 acl::TimePoint now, acl::Duration silent_for) const;
  /// Removes what has ended, at most `limit` a call: nobody tells of it.
  void expire(acl::TimePoint now, std::size_t limit);
  [[nodiscard]] std::optional<acl::TimePoint> next_expiry() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
