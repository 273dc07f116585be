// The calls that pass through, one for each INVITE dialog between a device and the PBX: a cache, for the operator and for what counts
// calls. The engine needs none of it to pass a message on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "acl/rate.hpp"
#include "sbc/device_use.hpp"
#include "sbc/flow.hpp"
#include "sbc/listing.hpp"

namespace postern::sbc {

using acl::TimePoint;

enum class CallState : std::uint8_t {
  calling,      ///< the INVITE is on its way
  ringing,      ///< a provisional response came
  established,  ///< it was answered
};
/// "calling" ...
const char* to_string(CallState state);

struct Call {
  std::string call_id;   ///< as the access side knows it
  std::string device;    ///< the user of the device whose call it is
  std::string from, to;  ///< the users of From and To of whoever began it
  Flow access;           ///< the device's
  TimePoint since;       ///< the INVITE; of a call of before a restart the first message of it that was seen
  CallState state = CallState::calling;
};

/// A call as one message tells of it; the views hold during the operation.
struct CallSketch {
  std::string_view call_id, device, from, to;  ///< as in Call
  const Flow& access;
  std::uint64_t made_by = 0;  ///< DeviceUse::key() of the device that makes it; 0: the PBX does, or nobody knows
};

/// Under which keys the call of a request or response may stand: either who asks now began it, or who is asked. Keyed hashes that nobody
/// can choose: see CallWatch.
struct CallKeys {
  std::uint64_t asker_began = 0;
  std::uint64_t asked_began = 0;
};

/// Bounded: where there is no room the oldest call that is not established goes, and an established one takes the place of that one which
/// was silent longest. So what strangers begin never pushes out what was answered. All operations are O(log n); time never runs backwards.
class Calls {
 public:
  /// RFC 3261 timer B; longer than timer C and the CANCEL behind it; what a call without session timer may be silent; RFC 4028 §4 and §5.
  static constexpr std::chrono::seconds no_answer{32}, no_final_answer{213}, silence{4 * 3600}, grace{32}, shortest_session{90};

  /// `use`: told of each call that rings or is answered, and of its end; nullptr: nobody is. It must outlive this.
  explicit Calls(std::size_t capacity, DeviceUse* use = nullptr) : capacity_(capacity), use_(use) {}

  /// A request that begins a call. Without room the call is not entered.
  void calling(const CallKeys& keys, const CallSketch& call, TimePoint now) { note(keys, call, CallState::calling, now + no_answer, now); }
  /// A provisional response to it; enters the call if it is not known.
  void ringing(const CallKeys& keys, const CallSketch& call, TimePoint now) {
    note(keys, call, CallState::ringing, now + no_final_answer, now);
  }
  /// A 2xx to an INVITE; enters the call if it is not known. `session`: its Session-Expires.
  void established(const CallKeys& keys, const CallSketch& call, std::optional<std::chrono::seconds> session, TimePoint now);
  /// A 2xx to an UPDATE: the same, but for a call that is not answered yet (RFC 3311).
  void refreshed(const CallKeys& keys, const CallSketch& call, std::optional<std::chrono::seconds> session, TimePoint now);
  /// A final answer to the INVITE that is no 2xx: it ends what is not established.
  void refused(const CallKeys& keys);
  /// A request of it.
  void heard(const CallKeys& keys, TimePoint now);
  /// A BYE is on its way; without any answer to it the call has ended when its time is over.
  void ending(const CallKeys& keys, TimePoint now);
  /// The BYE was not taken: it wants credentials.
  void goes_on(const CallKeys& keys, TimePoint now);
  void ended(const CallKeys& keys);

  /// Takes out what has ended by its time, at most `limit`.
  void expire(TimePoint now, std::size_t limit);
  [[nodiscard]] std::optional<TimePoint> next_expiry() const;
  /// Calls visit(Call) for at most `limit` calls. False: that was all.
  bool list(ListCursor& cursor, std::size_t limit, const std::function<void(const Call&)>& visit) const;

  [[nodiscard]] std::size_t size() const { return by_key_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  struct Entry;
  using Entries = std::list<Entry>;
  /// The entry's end is looked at then; it may have moved on.
  using Ends = std::multimap<TimePoint, Entries::iterator>;
  struct Entry {
    Call call;
    std::uint64_t key = 0;
    std::uint64_t serial = 0;
    TimePoint ends;
    TimePoint goes_on_until;  ///< where a BYE has shortened `ends`
    bool has_session_timer = false;
    bool ending = false;
    bool counted = false;
    std::uint64_t made_by = 0;
    Ends::iterator place;
  };
  struct AsItIs {
    std::size_t operator()(std::uint64_t key) const { return static_cast<std::size_t>(key); }
  };

  void note(const CallKeys& keys, const CallSketch& call, CallState state, TimePoint ends, TimePoint now);
  Entry* find(const CallKeys& keys);
  /// nullptr: there is no room for a call in that state.
  Entry* enter(const CallKeys& keys, const CallSketch& call, CallState state, TimePoint ends, TimePoint now);
  /// It rings or is answered: what strangers merely ask for is no call yet.
  void count(Entry& entry, const CallSketch& call);
  [[nodiscard]] bool make_room(CallState state);
  void set_end(Entry& entry, TimePoint ends);
  void erase(Entries::iterator entry);
  Entries& list_of(const Entry& entry) { return entry.call.state == CallState::established ? established_ : early_; }

  std::size_t capacity_;
  DeviceUse* use_;
  std::uint64_t evictions_ = 0;
  std::uint64_t next_serial_ = 0;
  Entries early_;        ///< the oldest first
  Entries established_;  ///< the one first that was silent longest
  std::unordered_map<std::uint64_t, Entries::iterator, AsItIs> by_key_;
  std::map<std::uint64_t, const Entry*> by_serial_;
  Ends ends_;
};

}  // namespace postern::sbc
