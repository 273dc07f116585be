// The table that outlives a restart: SQLite, folded into by batches off the packet path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sbc/net/state_record.hpp"
#include "sbc/net/unfolded.hpp"

struct sqlite3;

namespace postern::net {

class StateDatabaseError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    broken,  ///< it is no database of ours, or a damaged one
    newer,   ///< a later version of Postern wrote it
    failed,  ///< the disk, the permissions, somebody else's lock: another attempt may do
  };
  StateDatabaseError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  [[nodiscard]] Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// `state.db`. Each function throws StateDatabaseError. One thread at a time.
class StateDatabase {
 public:
  static constexpr int schema = 1;
  static constexpr int most_broken = 3;  ///< set aside; the oldest goes

  enum class Access : std::uint8_t { read_only, read_write };
  /// Opens it; read_write makes it where there is none. With read_only there must be one.
  StateDatabase(const std::string& folder, Access access);
  ~StateDatabase();
  StateDatabase(StateDatabase&&) noexcept;
  StateDatabase& operator=(StateDatabase&&) noexcept;

  /// All that is kept; the record holds during the call.
  void each(const std::function<void(const Record&)>& visit);
  /// In one transaction; `text` gives the octets of a record, which need hold until its next call alone. False: not all were whole.
  bool fold(const Unfolded& records, const std::function<std::string_view(const Unfolded::Place&)>& text);
  /// Removes what has ended by then.
  void remove_ended(WallTime now);

  /// Its file was removed, or another put in its place: nobody will read what is folded.
  [[nodiscard]] bool moved() const;

  static bool exists(const std::string& folder);
  /// Renames a broken one to state.db.broken-1 (the newest; up to most_broken of them are kept). False: it cannot be renamed.
  static bool set_aside(const std::string& folder);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
