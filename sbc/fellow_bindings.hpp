// The registrations of the other workers, as far as a device that comes back at this one is concerned.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/rate.hpp"
#include "sbc/registration_keys.hpp"

namespace postern::sbc {

/// When a packet of a flow last came in, in ticks of TimePoint: its own worker notes it, any may read it.
using SharedTime = std::atomic<acl::TimePoint::rep>;

/// Of a Binding what tells whether another one takes its place.
struct FellowBinding {
  std::string aor_user, call_id, instance, core_contact;
  acl::TimePoint expires;
  std::shared_ptr<const SharedTime> last_heard;
};

/// Bounded, and so is each AOR's part: what is full evicts the one of it that ends soonest. Look-ups by AOR are O(1) expected.
class FellowBindings {
 public:
  FellowBindings(std::size_t capacity, std::size_t bindings_an_aor, std::uint64_t seed)
      : capacity_(capacity), bindings_an_aor_(bindings_an_aor), hash_(seed), by_aor_(0, hash_) {}
  ~FellowBindings() { by_end_.clear(); }
  FellowBindings(const FellowBindings&) = delete;
  FellowBindings& operator=(const FellowBindings&) = delete;

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
  [[nodiscard]] std::size_t size() const { return by_end_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  struct Entry : InOrderOfEnds {
    std::shared_ptr<const FellowBinding> binding;
    std::uint64_t aor = 0;  // a hash
    [[nodiscard]] acl::TimePoint ends() const { return binding->expires; }
  };
  /// What it is looked for by, as hashes and side by side: its texts lie here and there in memory.
  struct Held {
    std::unique_ptr<Entry> entry;
    std::uint64_t core_contact = 0, call_id = 0, instance = 0;
    acl::TimePoint expires;
  };
  using AorBindings = std::vector<Held>;  // the newest last

  void erase(const Entry& entry);
  void make_room(std::string_view aor_user);
  /// nullptr: it is not there.
  [[nodiscard]] Held* find(std::string_view aor_user, std::string_view core_contact);
  /// Without what may change of it.
  Held& add(const FellowBinding& binding);

  std::size_t capacity_, bindings_an_aor_;
  std::uint64_t evictions_ = 0;
  RegistrationHash hash_;
  HashTable<std::uint64_t, AorBindings> by_aor_;  // owns
  OrderOfEnds<Entry> by_end_;
};

}  // namespace postern::sbc
