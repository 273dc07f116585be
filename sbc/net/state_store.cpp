#include "sbc/net/state_store.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace postern::net {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t most_pending = 256U << 10U;             // waits no longer
constexpr std::size_t most_content_bytes = 256U << 10U;       // between two ticks: strangers can write long Contacts, too
constexpr milliseconds usual_tick{1000}, retelling_tick{20};  // what may wait is lost by a kill for no longer than the first
constexpr std::chrono::seconds between_attempts{5}, between_folds{5};
constexpr std::size_t most_waiting = 4U << 20U;  // in the spool: of what overtakes itself there only the last is folded
constexpr std::chrono::minutes between_words{10};
constexpr std::chrono::minutes between_removals{1};
constexpr std::chrono::hours between_turns{1};
constexpr milliseconds writers_turn{250};

std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace

StateStore::StateStore(StateFolder& folder, Log& log) : folder_(folder), log_(log), clocks_(Clocks::read()) {}

StateStore::~StateStore() {
  if (writer_.joinable()) {
    writer_.request_stop();
    writer_.join();
  }
  if (writing()) write_pending();
}

void StateStore::tell(LogLevel level, std::string_view file, std::string_view error, std::string_view message) const {
  log_.write(level, "state", {{"folder", folder_.path()}, {"file", file}, {"error", error}, {"message", message}});
}

void StateStore::start(std::function<void(const sbc::Secrets&)> turned) {
  if (!keeps()) return;
  writer_ = std::jthread([this, turned = std::move(turned)](const std::stop_token& stop) { run(stop, turned); });
}

// ---- the engine's thread

std::string* StateStore::record(sbc::Urgency urgency) {
  if (!writing()) return nullptr;
  urgent_ = urgent_ || urgency == sbc::Urgency::at_once;
  return &pending_;
}

void StateStore::recorded() {
  if (pending_.size() > most_pending) write_pending();
}

void StateStore::keep(const sbc::Binding& binding, sbc::Urgency urgency) {
  if (std::string* out = record(urgency)) append_record(*out, binding, listeners_, clocks_);
  recorded();
}

void StateStore::forget(const sbc::Binding& binding) {
  if (std::string* out = record(sbc::Urgency::at_once)) append_removed(*out, binding);
  recorded();
}

void StateStore::keep(const sbc::DurableBan& ban) {
  if (std::string* out = record(sbc::Urgency::at_once)) append_record(*out, ban, clocks_);
  recorded();
}

void StateStore::keep(const sbc::DurableTrust& trust, sbc::Urgency urgency) {
  if (std::string* out = record(urgency)) append_record(*out, trust, clocks_);
  recorded();
}

void StateStore::keep(sbc::TokenTable table, std::uint64_t key, std::string_view text) {
  if (!cursor_) {
    content_bytes_ += text.size();
    if (content_bytes_ > most_content_bytes) return;
  }
  if (std::string* out = record(sbc::Urgency::at_once)) append_record(*out, table, key, text);
  recorded();
}

void StateStore::forget(sbc::TokenTable table, std::uint64_t key) {
  if (std::string* out = record(sbc::Urgency::may_wait)) append_removed(*out, table, key);
  recorded();
}

void StateStore::write_pending() {
  urgent_ = false;
  if (pending_.empty()) return;
  const bool written = spool_->append(pending_);
  const int error = errno;
  pending_.clear();
  if (!written) fail(error_text(error));
}

void StateStore::fail(std::string_view what) {
  ++failures_;
  failed_ = true;
  cursor_.reset();
  const acl::TimePoint now = acl::Clock::now();
  retry_at_ = now + between_attempts;
  if (told_ && now < tell_again_at_) return;
  told_ = true;
  tell_again_at_ = now + between_words;
  tell(LogLevel::error, "spool.0 and spool.1", what, cannot_be_written);
}

void StateStore::begin_retelling() {
  failed_ = false;
  spool_->hand_over();  // the other file may have room
  pending_.clear();
  append_mark(pending_, RecordKind::retell_begins);
  write_pending();
  if (!failed_) cursor_.emplace();
}

milliseconds StateStore::tick(const sbc::Engine& engine, acl::TimePoint now) {
  clocks_ = Clocks::read();
  content_bytes_ = 0;
  if (!ready_.load(std::memory_order_acquire)) return usual_tick;
  if (retell_.exchange(false) || (failed_ && now >= retry_at_)) begin_retelling();
  if (cursor_) {
    engine.retell(*cursor_, now);
    if (cursor_ && cursor_->stage == sbc::RetellCursor::Stage::done) {
      append_mark(pending_, RecordKind::retell_ends);
      cursor_.reset();
      write_pending();
      if (!failed_) tell(LogLevel::info, {}, {}, "can be written again, and all that stands is kept");
      told_ = false;
    }
  }
  if (failed_) return usual_tick;
  write_pending();
  if (cursor_ || now >= hand_over_at_ || spool_->size() > most_waiting) {
    spool_->hand_over();
    hand_over_at_ = now + between_folds;
  }
  return cursor_ ? retelling_tick : usual_tick;
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
    if (const auto text = spool_->handed_over()) {
      if (database_ && database_->moved()) database_.reset();
      if (!database_) {
        database_.emplace(folder_.path(), StateDatabase::Access::read_write);
        retell_ = true;  // who knows what it holds
      }
      database_->fold(*text);
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
