// The start of a StateStore: what was kept is read, whatever state it is in.
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include "sbc/listeners.hpp"
#include "sbc/net/state_store.hpp"

namespace postern::net {

using std::chrono::milliseconds;

namespace {

constexpr int lock_attempts = 40;  // one that was killed a moment ago may still be ending
constexpr milliseconds between_lock_attempts{50};
constexpr std::string_view spool_names = "spool.0 or spool.1";

}  // namespace

/// What the database and the spool say together.
class StateStore::Reading {
 public:
  void add(const Record& record) {
    if (is_mark(record.kind)) {
      // Only a damaged row of the database is given as such; in a spool it is no more than a mark.
      damaged_ += from_database_ ? 1 : 0;
      return;
    }
    std::pair<RecordKind, std::string> key{record.kind, record.key};
    if (record.removed) {
      kept_.erase(key);
    } else {
      kept_.insert_or_assign(std::move(key), Value{record.ends, std::string(record.value)});
    }
  }
  /// Where it could not be folded into the database. What a retelling left out (it was cut off by a full disk) may come back so, until it
  /// ends.
  void add_spool(std::string_view text) {
    from_database_ = false;
    while (const auto record = take_record(text)) add(*record);
  }

  /// What makes sense of it, and has not ended.
  sbc::DurableState state(std::span<const sbc::ListenerAddress> listeners, const Clocks& clocks) {
    sbc::DurableState state;
    for (const auto& [key, value] : kept_) {
      if (value.ends <= clocks.wall) continue;
      const Record record{key.first, false, value.ends, key.second, value.text};
      if (!restore_record(record, listeners, clocks, state)) ++of_no_use_;
    }
    return state;
  }
  [[nodiscard]] int damaged() const { return damaged_; }
  [[nodiscard]] int of_no_use() const { return of_no_use_; }

 private:
  struct Value {
    WallTime ends = 0;
    std::string text;
  };
  std::map<std::pair<RecordKind, std::string>, Value> kept_;
  bool from_database_ = true;
  int damaged_ = 0, of_no_use_ = 0;
};

sbc::DurableState StateStore::load(std::span<const sbc::ListenerOptions> listeners) {
  const acl::TimePoint begun = acl::Clock::now();
  lock();
  Reading reading;
  if (mode_ == Mode::keep) begin(reading);
  if (!ready_ && mode_ != Mode::off) read_without_writing(reading);
  sbc::DurableState state = reading.state(sbc::addresses_of(listeners), Clocks::read());
  const int left_out = reading.damaged() + reading.of_no_use();
  knows_all_ = left_out == 0;
  if (left_out > 0)
    tell(LogLevel::warning, {}, {},
         fmt::format("{} entries were left out: damaged, or of an address that no listener has any more", left_out));
  const auto spent = std::chrono::duration_cast<milliseconds>(acl::Clock::now() - begun).count();
  log_.write(LogLevel::info, "state",
             {{"registrations", std::to_string(state.bindings.size()), true},
              {"bans", std::to_string(state.bans.size()), true},
              {"known_sources", std::to_string(state.trust.size()), true},
              {"token_contents", std::to_string(state.contents.size()), true},
              {"milliseconds", std::to_string(spent), true},
              {"message", mode_ == Mode::keep ? "restored" : "restored; nothing is written in this run"}});
  return state;
}

void StateStore::lock() {
  for (int attempt = 0; ::flock(folder_.fd(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno == EWOULDBLOCK && attempt < lock_attempts) {
      std::this_thread::sleep_for(between_lock_attempts);
      continue;
    }
    mode_ = Mode::off;
    tell(LogLevel::error, {}, std::generic_category().message(errno),
         "another Postern uses this folder: this one runs without the registrations, bans and trust of before, and keeps none; give it a "
         "folder of its own with the key `state`");
    return;
  }
  if (::faccessat(folder_.fd(), ".", W_OK, AT_EACCESS) == 0) return;
  mode_ = Mode::read_only;
  tell(LogLevel::warning, {}, std::generic_category().message(errno),
       "cannot be written: what is kept there is used, and nothing is written in this run; make the folder writable for the user of "
       "Postern and restart");
}

void StateStore::begin(Reading& reading) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      begin_writing(&reading);
      ready_ = true;
      return;
    } catch (const StateDatabaseError& error) {
      reading = {};
      if (error.kind() == StateDatabaseError::Kind::broken && attempt == 0 && set_aside(error.what())) continue;
      cannot_begin(error);
      return;
    } catch (const std::exception& error) {
      reading = {};
      cannot_begin({StateDatabaseError::Kind::failed, error.what()});
      return;
    }
  }
}

void StateStore::cannot_begin(const StateDatabaseError& error) {
  if (error.kind() == StateDatabaseError::Kind::newer) {
    mode_ = Mode::off;
    tell(LogLevel::error, database_name, error.what(),
         "was written by a newer Postern, and is left as it is: this one runs without registrations, bans and trust of before, and keeps "
         "none; run the newer version, or move the file away");
    return;
  }
  ++failures_;
  tell(LogLevel::error, {}, error.what(), cannot_be_written);
  database_told_ = true;
  database_told_at_ = acl::Clock::now();
}

/// What the spool of before holds goes into the database before the spool is emptied, and is emptied only once all of it can be read.
void StateStore::begin_writing(Reading* reading) {
  if (!database_) database_.emplace(folder_.path(), StateDatabase::Access::read_write);
  const Spool::Left left = Spool::read(folder_.fd());
  bool torn = false;
  for (const std::string& text : left.texts) {
    Unfolded records;
    torn = !records.add_read(text) || torn;
    database_->fold(records, [&text](const Unfolded::Place& place) { return std::string_view(text).substr(place.begin, place.size); });
  }
  if (reading != nullptr) database_->each([reading](const Record& record) { reading->add(record); });
  spool_ = std::make_unique<Spool>(folder_.fd());
  if (left.unreadable > 0) tell(LogLevel::error, spool_names, {}, "is broken: changes of the last moments before the stop may be lost");
  if (torn) tell(LogLevel::warning, spool_names, {}, "ends in half a record, which is left out: nothing had told of that change yet");
}

void StateStore::read_without_writing(Reading& reading) {
  try {
    if (StateDatabase::exists(folder_.path()))
      StateDatabase(folder_.path(), StateDatabase::Access::read_only).each([&](const Record& record) { reading.add(record); });
  } catch (const StateDatabaseError& error) {
    reading = {};
    if (error.kind() == StateDatabaseError::Kind::newer) return cannot_begin(error);
    ++failures_;
    tell(LogLevel::error, database_name, error.what(),
         "cannot be read: Postern starts without the registrations, bans and trust in it; correct its permissions, or move it away");
  }
  for (const std::string& text : Spool::read(folder_.fd()).texts) reading.add_spool(text);
}

bool StateStore::set_aside(std::string_view why) {
  database_.reset();
  if (!StateDatabase::set_aside(folder_.path())) return false;
  ++failures_;
  tell(LogLevel::error, database_name, why,
       "is broken: registrations, bans and trust in it are lost; phones are called as before, and count as strangers until they register "
       "again; it is set aside as state.db.broken-1");
  return true;
}

}  // namespace postern::net
