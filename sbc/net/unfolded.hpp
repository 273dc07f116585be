// What stands in the spool, in memory: what the database has to be told when it is folded.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/keyed_hash.hpp"
#include "sbc/net/state_record.hpp"

namespace postern::net {

/// Of the records with one key only the last says what stands, and of what came and went meanwhile nothing needs to be said: where many
/// phones register anew that is nearly all. Between two marks (RecordKind::retell_begins, retell_ends) the order is that of nothing.
class Unfolded {
 public:
  Unfolded();

  /// `is_new`: nothing of this key stands in the database that has not ended.
  void add(const Record& record, bool is_new);
  /// A row of records as the disk has it. False: its end is torn, and left out.
  bool add_read(std::string_view bytes);
  /// A row of records of this process; of which those that begin at `new_ones` (in order) are new.
  void add_written(std::string_view bytes, std::span<const std::size_t> new_ones);

  /// Calls visit(Record) for what is left of them; the views hold during the call.
  template <class F>
  void each(F&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.is_used) visit(slot.record());
    }
  }
  /// Gives back its memory, too.
  void clear();

 private:
  struct Slot {
    bool is_used = false;
    bool is_new = false;
    bool removed = false;
    RecordKind kind = RecordKind::registration;
    WallTime ends = 0;
    std::size_t key_size = 0;
    std::string text;  ///< key and value

    [[nodiscard]] std::string_view key() const { return std::string_view(text).substr(0, key_size); }
    [[nodiscard]] Record record() const { return {kind, removed, ends, key(), std::string_view(text).substr(key_size)}; }
  };
  /// Its bits need no more mixing.
  struct AsItIs {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t hash) const { return hash; }
  };

  void add_mark(const Record& record);
  static void fill(Slot& slot, const Record& record);

  acl::KeyedHash hash_;
  std::deque<Slot> slots_;
  std::vector<std::size_t> free_;                                         // none stands before the last mark
  boost::unordered_flat_map<std::uint64_t, std::size_t, AsItIs> places_;  // by hash, since the last mark
};

}  // namespace postern::net
