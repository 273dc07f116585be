// How what outlives a restart stands on disk: records, the same in the spool and in the database.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sbc/durable.hpp"
#include "sbc/listeners.hpp"

namespace postern::net {

/// The numbers stand on disk: none is ever used for something else.
enum class RecordKind : std::uint8_t {
  registration = 1,
  ban = 2,
  trust = 3,
  inward_token = 4,
  outward_token = 5,
  retell_begins = 6,  ///< what follows, up to retell_ends, is all that there is
  retell_ends = 7,
  block = 8,
  offence = 9,
  acceptance = 10,
};

constexpr bool is_mark(RecordKind kind) { return kind == RecordKind::retell_begins || kind == RecordKind::retell_ends; }

/// Milliseconds of the wall clock since 1970; INT64_MAX: for ever.
using WallTime = std::int64_t;

/// Turns the steady clock's times into the wall clock's and back, as the two stood at one moment.
struct Clocks {
  acl::TimePoint steady;
  WallTime wall = 0;

  static Clocks read();
  [[nodiscard]] WallTime to_wall(acl::TimePoint time) const;
  [[nodiscard]] acl::TimePoint to_steady(WallTime time) const;
};

/// A record; the views hold as long as the bytes that it was read from.
struct Record {
  RecordKind kind = RecordKind::registration;
  bool removed = false;
  WallTime ends = 0;  ///< 0: it is not there by time
  std::string_view key, value;
};

// Each appends the bytes of a record: length, checksum, content.
void append_record(std::string& out, const sbc::Binding& binding, std::span<const sbc::ListenerAddress> listeners, const Clocks& clocks);
void append_removed(std::string& out, const sbc::Binding& binding);
void append_record(std::string& out, const sbc::DurableBan& ban, const Clocks& clocks);
void append_removed(std::string& out, const sbc::DurableBan& ban);
void append_record(std::string& out, const sbc::AccountBlock& block, const Clocks& clocks);
void append_removed(std::string& out, const sbc::AccountBlock& block);
void append_record(std::string& out, const sbc::DurableOffence& offence, const Clocks& clocks);
void append_record(std::string& out, const sbc::DurableAcceptance& acceptance, const Clocks& clocks);
void append_record(std::string& out, const sbc::DurableTrust& trust, const Clocks& clocks);
void append_record(std::string& out, sbc::TokenTable table, std::uint64_t key, std::string_view text);
void append_removed(std::string& out, sbc::TokenTable table, std::uint64_t key);
/// RecordKind::retell_begins or retell_ends.
void append_mark(std::string& out, RecordKind mark);

/// Takes one record off the front of `bytes`. nullopt: the rest is torn, or of no kind that we know.
std::optional<Record> take_record(std::string_view& bytes);
/// The same, of bytes that never left this process: without a look at the checksum.
std::optional<Record> take_written_record(std::string_view& bytes);

/// Of a record's content: a value that did not come out of append_record() is not believed.
std::uint64_t checksum(std::string_view text);

/// Adds what a record says to `state`. False: it makes no sense (here, now, with these listeners), and is left out. No value is trusted:
/// lengths, addresses, control characters and ends are bounded, and a binding belongs to the listener that has the address and port of ours
/// that it was over.
bool restore_record(const Record& record, std::span<const sbc::ListenerAddress> listeners, const Clocks& clocks, sbc::DurableState& state);

}  // namespace postern::net
