#include "sbc/net/state_store.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "sbc/net/thread_name.hpp"

namespace postern::net {

using std::chrono::milliseconds;

namespace {

constexpr std::chrono::seconds between_attempts{5}, between_folds{5};
constexpr std::size_t most_waiting = 4U << 20U;  // in the spool: of what overtakes itself there only the last is folded
constexpr std::chrono::minutes between_words{10};
constexpr std::chrono::minutes between_removals{1};
constexpr std::chrono::hours between_turns{1};
constexpr milliseconds writers_turn{250};

std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace

StateStore::StateStore(StateFolder& folder, Log& log) : folder_(folder), log_(log) {}

StateStore::~StateStore() {
  if (!writer_.joinable()) return;
  writer_.request_stop();
  writer_.join();
}

void StateStore::tell(LogLevel level, std::string_view file, std::string_view error, std::string_view message) const {
  log_.write(level, "state", {{"folder", folder_.path()}, {"file", file}, {"error", error}, {"message", message}});
}

void StateStore::start(std::function<void(const sbc::Secrets&)> turned) {
  if (!keeps()) return;
  writer_ = std::jthread([this, turned = std::move(turned)](const std::stop_token& stop) {
    name_this_thread("postern/state");
    run(stop, turned);
  });
}

// ---- the tellers

void StateStore::join() {
  const std::scoped_lock hold(spooling_);
  ++tellers_;
}

void StateStore::append(std::string_view records, std::span<const std::size_t> new_ones) {
  const std::scoped_lock hold(spooling_);
  if (writing()) append_held(records, new_ones);
}

/// False, and it is told: it could not be written.
bool StateStore::append_held(std::string_view records, std::span<const std::size_t> new_ones) {
  const std::size_t begin = spool_->size();
  if (!spool_->append(records)) {
    fail(error_text(errno));
    return false;
  }
  // Before all is told again, or where the start has left rows out, the database may have what is new here.
  const bool may_be_new = knows_all_ && tellers_left_ == 0 && !retell_;
  if (!appended_.add_written(records, begin, may_be_new ? new_ones : std::span<const std::size_t>{})) retell_ = true;
  return true;
}

bool StateStore::append_held(RecordKind mark) {
  std::string record;
  append_mark(record, mark);
  return append_held(record, {});
}

void StateStore::hand_over_held() {
  if (!spool_->may_hand_over()) return;
  std::swap(appended_, handed_over_);
  spool_->hand_over();
}

void StateStore::fail(std::string_view what) {
  ++failures_;
  failed_ = true;
  tellers_left_ = 0;
  const acl::TimePoint now = acl::Clock::now();
  retry_at_ = now + between_attempts;
  if (told_ && now < tell_again_at_) return;
  told_ = true;
  tell_again_at_ = now + between_words;
  tell(LogLevel::error, "spool.0 and spool.1", what, cannot_be_written);
}

void StateStore::begin_retelling() {
  failed_ = false;
  hand_over_held();  // the other file may have room
  if (!append_held(RecordKind::retell_begins)) return;
  tellers_left_ = tellers_;
  ++retelling_;
}

bool StateStore::supervise(acl::TimePoint now) {
  if (!ready_.load(std::memory_order_acquire)) return false;
  const std::scoped_lock hold(spooling_);
  if (retell_.exchange(false) || (failed_ && now >= retry_at_)) begin_retelling();
  return true;
}

void StateStore::retold(std::uint64_t retelling) {
  const std::scoped_lock hold(spooling_);
  if (failed_ || retelling != retelling_ || tellers_left_ == 0) return;
  if (--tellers_left_ != 0) return;
  if (!append_held(RecordKind::retell_ends)) return;
  tell(LogLevel::info, {}, {}, "can be written again, and all that stands is kept");
  told_ = false;
}

void StateStore::hand_over(acl::TimePoint now, bool at_once) {
  const std::scoped_lock hold(spooling_);
  if (failed_ || (!at_once && now < hand_over_at_ && spool_->size() <= most_waiting)) return;
  hand_over_held();
  hand_over_at_ = now + between_folds;
}

// ---- the writing thread

void StateStore::run(const std::stop_token& stop, const std::function<void(const sbc::Secrets&)>& turned) {
  while (!stop.stop_requested()) {
    fold();
    turn_keys(turned);
    std::unique_lock hold(waiting_);
    wake_.wait_for(hold, stop, writers_turn, [] { return false; });
  }
  fold();
}

void StateStore::fold() {
  const acl::TimePoint now = acl::Clock::now();
  if (now < attempt_at_) return;
  try {
    if (!ready_) {
      begin_writing(nullptr);
      retell_ = true;
      ready_.store(true, std::memory_order_release);
      if (std::exchange(database_told_, false)) tell(LogLevel::info, {}, {}, "can be written again");
    }
    if (spool_->is_handed_over()) {
      if (database_ && database_->moved()) database_.reset();
      if (!database_) {
        database_.emplace(folder_.path(), StateDatabase::Access::read_write);
        retell_ = true;  // who knows what it holds
      }
      const bool whole =
          database_->fold(handed_over_, [this](const Unfolded::Place& place) { return spool_->read_handed_over(place.begin, place.size); });
      if (!whole) {
        ++failures_;
        retell_ = true;
        tell(LogLevel::error, "spool.0 or spool.1", {}, "has been changed by somebody else: what stands is told again");
      }
      handed_over_.clear();
      spool_->empty_handed_over();
      if (std::exchange(database_told_, false)) tell(LogLevel::info, database_name, {}, "can be written again");
    }
    if (database_ && now >= remove_ended_at_) {
      database_->remove_ended(Clocks::read().wall);
      remove_ended_at_ = now + between_removals;
    }
  } catch (const StateDatabaseError& error) {
    database_failed(error);
  } catch (const std::exception& error) {
    database_failed({StateDatabaseError::Kind::failed, error.what()});
  }
}

void StateStore::database_failed(const StateDatabaseError& error) {
  const acl::TimePoint now = acl::Clock::now();
  attempt_at_ = now + between_attempts;
  if (error.kind() == StateDatabaseError::Kind::broken && set_aside(error.what())) {
    // Nothing is lost: a new one is made, and all that stands goes there.
    retell_ = true;
    return;
  }
  ++failures_;
  database_.reset();
  if (database_told_ && now < database_told_at_ + between_words) return;
  database_told_ = true;
  database_told_at_ = now;
  tell(LogLevel::error, database_name, error.what(),
       "cannot be written: Postern goes on and tries again; make room there, or correct the permissions");
}

void StateStore::turn_keys(const std::function<void(const sbc::Secrets&)>& turned) {
  const acl::TimePoint now = acl::Clock::now();
  if (now < turn_at_) return;
  turn_at_ = now + between_turns;
  try {
    const auto secrets = folder_.turn_keys(Clocks::read().wall / 1000);
    if (!secrets) return;
    turned(*secrets);
    tell(LogLevel::info, "key", {}, "new tokens are sealed with a new key; those of before are good for as long as they were");
  } catch (const std::exception& error) {
    ++failures_;
    tell(LogLevel::warning, "key", error.what(), "cannot be written: the key of before is used further");
  }
}

}  // namespace postern::net
