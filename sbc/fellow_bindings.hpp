// The registrations of the other workers, as far as a device that comes back at this one is concerned.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "acl/rate.hpp"

namespace postern::sbc {

/// When a packet of a flow last came in, in ticks of TimePoint: its own worker notes it, any may read it.
using SharedTime = std::atomic<acl::TimePoint::rep>;

/// Of a Binding what tells whether another one takes its place.
struct FellowBinding {
  std::string aor_user, call_id, instance, core_contact;
  acl::TimePoint expires;
  std::shared_ptr<const SharedTime> last_heard;
};

/// Bounded: a full table evicts the one that ends soonest. Look-ups by AOR are O(log n).
class FellowBindings {
 public:
  explicit FellowBindings(std::size_t capacity) : capacity_(capacity) {}

  /// Adds it, or takes it for the one with the same aor_user and core_contact, which keeps its age.
  void keep(FellowBinding binding, acl::TimePoint now);
  /// With that core_contact; empty: all of the AOR.
  void forget(std::string_view aor_user, std::string_view core_contact);
  /// As Registrations::replaced_by(): each of these is over another flow. The pointer holds until the next change.
  [[nodiscard]] const FellowBinding* replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                                 acl::TimePoint now, acl::Duration silent_for) const;
  [[nodiscard]] std::size_t size() const { return by_aor_.size(); }

 private:
  struct Entry;
  using ByAor = std::multimap<std::string, Entry, std::less<>>;
  using ByEnd = std::multimap<acl::TimePoint, ByAor::iterator>;
  struct Entry {
    FellowBinding binding;
    ByEnd::iterator end;
  };
  static constexpr int ended_a_turn = 4;

  void erase(ByAor::iterator entry);
  /// end(): it is not there.
  [[nodiscard]] ByAor::iterator find(std::string_view aor_user, std::string_view core_contact);

  std::size_t capacity_;
  ByAor by_aor_;
  ByEnd by_end_;
};

}  // namespace postern::sbc
