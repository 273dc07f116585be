// Where transactions are kept: found by id, bounded in number and in bytes. Internal to the transaction layer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sbc/text_pool.hpp"
#include "sbc/timer_wheel.hpp"
#include "sbc/transactions.hpp"

namespace postern::sbc {

/// What the layer itself needs of a transaction.
struct Record : Transaction {
  std::uint32_t index = 0;
  std::string cancel_reasons;            ///< Reason lines for the CANCEL that is passed on
  bool trying_sent = false;              ///< a non-INVITE was answered 100
  bool link_lost = false;                ///< the connection that it went over has ended
  bool unsent = false;                   ///< moved to another next hop, but not sent there yet: who asked has to repeat himself
  std::chrono::milliseconds interval{};  ///< from the next retransmission to the one after it is made of this (A, E, G)
  TimePoint retransmit_at;
  TimePoint sent_at;  ///< to where it is now
  TimePoint life_ends;

  // The table's own.
  static constexpr std::uint32_t none = UINT32_MAX;
  std::uint32_t next_in_bucket = none;
  std::uint32_t older = none;  ///< among the answered ones of its kind
  std::uint32_t newer = none;
  bool answered = false;  ///< stands in that list: may be evicted
  bool awaited = false;   ///< counted for its connection
  bool unproven = false;  ///< counted among those that share half of the table
  std::size_t held = 0;   ///< bytes of its texts as last counted
};

/// A slab of records and a chained hash table over it. The id is the output of a keyed MAC: nobody chooses collisions, so its
/// bits are the hash. (In that of a BYE of ours there is a hash of the tag that it answers as well; those are few.) References hold until
/// erase(). Each record has two timers in the wheel, which end with it.
class TransactionTable {
 public:
  TransactionTable(std::size_t capacity, std::size_t memory, TimerWheel& timers);

  static std::uint32_t retransmit_timer(const Record& record) { return record.index * 2; }
  static std::uint32_t life_timer(const Record& record) { return record.index * 2 + 1; }
  static bool is_retransmit(std::uint32_t timer) { return timer % 2 == 0; }
  [[nodiscard]] Record& of_timer(std::uint32_t timer) { return slab_[timer / 2]; }

  [[nodiscard]] Record* find(const BranchId& id, bool is_own);
  /// Looks at all of them.
  template <class Predicate>
  [[nodiscard]] bool any_of(Predicate holds) const {
    return std::ranges::any_of(buckets_, [&](std::uint32_t index) {
      while (index != none && !holds(slab_[index])) index = slab_[index].next_in_bucket;
      return index != none;
    });
  }
  /// Visits all of them; visit() may neither add nor erase.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::uint32_t index : buckets_) {
      for (; index != none; index = slab_[index].next_in_bucket) visit(slab_[index]);
    }
  }
  /// A clean record, for which room is made (`bytes` of buffers are about to be put into it: TextPool::room_for() of each text); nullptr:
  /// there is none. The id must not be there. `keep` is not evicted for it. Those that are not `proven` share half of the table and push
  /// out no others for more, so that forged requests never take the place of live phones.
  Record* add(const BranchId& id, bool is_own, std::size_t bytes, const Record* keep, bool proven);
  void erase(Record& record);

  /// It waits for a final answer from where it goes, until end_wait() or its end: of a connection of the access side that is counted.
  void await(Record& record);
  void end_wait(Record& record);
  /// Does one wait for an answer over this connection?
  [[nodiscard]] bool awaits(std::uint64_t connection) const { return awaited_.contains(connection); }

  /// `text` (one of the record's) becomes a copy of `value` if there is room for it, else empty.
  void store(Record& record, std::string& text, std::string_view value);
  /// Keeps the first `size` bytes of a text.
  void cut(Record& record, std::string& text, std::size_t size);
  /// Empties texts of the record: what comes next takes their buffers while these are warm.
  void drop(Record& record, std::initializer_list<std::string*> unneeded);
  /// Counts the texts again, after somebody else wrote into them.
  void recount(Record& record);
  /// From now on it may be evicted, after those that were marked before it. So are these, uncounted, where those of its kind (INVITEs of
  /// the proven, their other requests, the unproven) take more than their share: memory that no cache holds costs each new one more than an
  /// old one is worth.
  void mark_answered(Record& record);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t memory() const { return held_ + pool_.bytes(); }
  /// Because the table was full.
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  static constexpr std::uint32_t none = Record::none;

  /// The answered ones by age.
  struct Answered {
    std::size_t limit;     ///< bytes, records and texts
    std::size_t held = 0;  ///< by them
    std::uint32_t oldest = none;
    std::uint32_t newest = none;
  };

  [[nodiscard]] std::uint32_t& bucket(const BranchId& id);
  bool make_room(std::size_t records, std::size_t bytes, const Record* keep, bool proven);
  [[nodiscard]] Record* oldest(const Answered& answered, const Record* keep);
  void expect_eviction_after(const Record& record);
  void evict(Record& record);
  [[nodiscard]] Answered& list_of(const Record& record) {
    if (record.unproven) return answered_unproven_;
    return record.is_invite ? answered_invites_ : answered_others_;
  }
  [[nodiscard]] Record& unused();
  void unlink_answered(Record& record);

  std::size_t capacity_;
  std::size_t held_limit_;  ///< for the texts of live records
  TimerWheel& timers_;
  TextPool pool_;
  std::deque<Record> slab_;  // references hold when it grows
  std::vector<std::uint32_t> buckets_;
  std::vector<std::uint32_t> unused_;
  std::unordered_map<std::uint64_t, std::uint32_t> awaited_;  ///< records, by connection of the access side
  Answered answered_invites_;                                 ///< a 2xx may come late and again, and nobody but us knows where to
  Answered answered_others_;
  Answered answered_unproven_;
  std::size_t size_ = 0;
  std::size_t held_ = 0;
  std::size_t unproven_size_ = 0;
  std::size_t unproven_held_ = 0;
  std::uint64_t evictions_ = 0;
  std::string cut_;  ///< what is kept of a text that changes its buffer
};

}  // namespace postern::sbc
