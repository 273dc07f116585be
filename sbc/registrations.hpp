// The registrations that went through us, in memory: a cache that answers "is this flow a registered device", and which
// Contact the PBX holds for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/rate.hpp"
#include "sbc/fellow_bindings.hpp"
#include "sbc/flow.hpp"
#include "sbc/listing.hpp"

namespace postern::sbc {

using acl::TimePoint;

class DurableSink;

/// One binding of one device.
struct Binding {
  std::string aor_user;      ///< the To user of the REGISTER: the extension
  std::string call_id;       ///< of the REGISTERs that make and refresh it
  std::string instance;      ///< +sip.instance as written, may be empty
  std::string contact_uri;   ///< the device's own Contact URI, as it wrote it
  std::string core_contact;  ///< the whole URI that the PBX was given ("sip:1001~TOKEN@10.0.0.2:5080"), byte for byte
  Flow flow;
  TimePoint expires;     ///< as the PBX granted it; from then on it is not live
  TimePoint last_heard;  ///< any packet of the flow
  TimePoint since;       ///< when it was first registered over this flow
  bool proven = true;    ///< its REGISTER proved where it comes from; of before a restart nobody knows, and it counts as proven
};

/// Bounded: a full table evicts the binding that ends soonest. Look-ups by AOR, by flow and by core contact are O(1) expected; live(),
/// devices_at() and heard() do not allocate, and the first two settle bindings that have just lapsed (each once). Time never runs
/// backwards.
class Registrations {
 public:
  /// A device of an AOR may hold several bindings (max_contacts is the PBX's business), but never more than so many are kept.
  static constexpr std::size_t bindings_an_aor = 16;

  Registrations(std::size_t capacity, std::uint64_t seed);
  ~Registrations();
  Registrations(Registrations&&) noexcept;
  Registrations& operator=(Registrations&&) noexcept;

  /// From now on it tells `sink` of its changes; `sink` must outlive it.
  void tell(DurableSink& sink);
  /// Where the PBX reaches this worker, as it stands behind the "@" of a core contact. What has another there was made by a worker (or with
  /// a `pbx.bind`) of before a restart, and a refresh over the same flow replaces it.
  void reached_at(std::string core_uri_address);

  struct Accepted {
    const Binding& binding;  ///< as it is kept; holds until the next change
    bool is_new;             ///< for the first time, or from another flow
  };
  /// Adds or refreshes the binding with the same aor_user and core_contact. One too many of its AOR evicts the AOR's that ends
  /// soonest. `binding` is left with texts of no meaning: who fills it again may use their memory again.
  Accepted accept(Binding&& binding);
  /// One of this AOR is going to be accepted: nothing that can be seen. First which one will give way comes near, and with
  /// expect_further(), a while later, what that leads to.
  void expect_one_of(std::string_view aor_user);
  void expect_further() const;
  /// Removes that binding; nullopt: there was none.
  std::optional<Binding> remove(std::string_view aor_user, std::string_view core_contact);
  /// All of an AOR (REGISTER with "*").
  std::vector<Binding> remove_all(std::string_view aor_user);

  /// The binding that a refresh over another flow replaces (ReplacedBinding): one over another flow than `flow`, or that is reached at
  /// another place than reached_at(). nullptr: none. The pointer holds until the next change.
  [[nodiscard]] const Binding* replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance, const Flow& flow,
                                           TimePoint now, acl::Duration silent_for) const;
  /// The live binding of this device over exactly this flow and by this Contact of its own: a refresh gives the PBX the same Contact again,
  /// byte for byte. nullptr: none. The pointer holds until the next change.
  [[nodiscard]] const Binding* held_for(std::string_view aor_user, std::string_view contact_uri, const Flow& flow, TimePoint now) const;
  /// nullptr: none. Of several AORs with the same one it may be any.
  [[nodiscard]] const Binding* by_core_contact(std::string_view core_contact) const;

  /// A packet of this source is among the next: nothing that can be seen.
  void expect(const acl::Address& source) const;
  /// A live registration over exactly this flow (transport, listener, peer address and port)?
  [[nodiscard]] bool live(const Flow& flow, TimePoint now) const;
  /// Are there live registrations over exactly this flow, and did none of them prove where it comes from?
  [[nodiscard]] bool unproven(const Flow& flow, TimePoint now) const;
  /// Is there a live registration of this AOR over exactly this flow that was made with this Call-ID? The Call-ID is known to the device,
  /// to us and to the PBX. An empty one stands for any.
  [[nodiscard]] bool refreshed_by(std::string_view aor_user, std::string_view call_id, const Flow& flow, TimePoint now) const;
  /// The same with whatever Call-ID.
  [[nodiscard]] bool registered_over(std::string_view aor_user, const Flow& flow, TimePoint now) const {
    return refreshed_by(aor_user, {}, flow, now);
  }
  /// The AOR that has a live registration over exactly this flow, of several the one that came last; empty: it has gone again. nullopt: the
  /// flow has none. The text holds until the next change.
  [[nodiscard]] std::optional<std::string_view> user_over(const Flow& flow, TimePoint now) const;
  /// How many different devices (AORs) hold live registrations from this source (acl::SourceKey: an IPv4 address or an IPv6 /64); the
  /// allowance of a proven source counts them.
  [[nodiscard]] std::size_t devices_at(const acl::Address& address, TimePoint now) const;
  /// Does this AOR hold a live registration from there?
  [[nodiscard]] bool lives_at(std::string_view aor_user, const acl::Address& address, TimePoint now) const;
  /// A packet of this flow came in; nothing happens if no binding has it.
  void heard(const Flow& flow, TimePoint now);
  /// When that was last, for other workers. The flow has a binding.
  [[nodiscard]] std::shared_ptr<const SharedTime> shared_last_heard(const Flow& flow);

  /// Removes what has ended, at most `limit` a call; calls `ended(const Binding&)` for each.
  template <class F>
  void expire(TimePoint now, std::size_t limit, F&& ended) {
    while (limit-- > 0) {
      std::optional<Binding> binding = pop_expired(now);
      if (!binding) return;
      ended(*binding);
    }
  }

  /// Tells the sink of what is live and ends after `after`, the soonest first: `limit` bindings and those that end at the same moment as
  /// the last. Returns that moment; nullopt: that was all.
  std::optional<TimePoint> retell(TimePoint after, std::size_t limit) const;

  /// Calls visit(Binding) for the live ones among the next `limit` places, in no order. False: that was all.
  bool list(ListCursor& cursor, std::size_t limit, TimePoint now, const std::function<void(const Binding&)>& visit) const;

  /// The same for the live ones whose flow was silent for `silent_for`, and for which visit() was not true in that time either.
  bool silent(ListCursor& cursor, std::size_t limit, TimePoint now, acl::Duration silent_for,
              const std::function<bool(const Binding&)>& visit);

  [[nodiscard]] std::size_t size() const;
  /// What list() and silent() go through: as many as there ever were at once.
  [[nodiscard]] std::size_t places() const;
  [[nodiscard]] std::uint64_t evictions() const;
  [[nodiscard]] std::optional<TimePoint> next_expiry() const;

 private:
  std::optional<Binding> pop_expired(TimePoint now);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
