// What outlives a restart, on its way to the disk: taken off the engines at once, folded into the database by a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sbc/durable.hpp"
#include "sbc/engine.hpp"
#include "sbc/listeners.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/spool.hpp"
#include "sbc/net/state_database.hpp"
#include "sbc/net/state_folder.hpp"
#include "sbc/net/unfolded.hpp"

namespace postern::net {

/// Nothing here ends the process or holds up the packets: whatever cannot be read or written is told in the log, and Postern goes on
/// without. Where writing failed it is tried again, and what stands then is told anew, as soon as it works.
class StateStore {
 public:
  /// `folder` and `log` must outlive it.
  StateStore(StateFolder& folder, Log& log);
  ~StateStore();
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  /// Reads what was kept, and keeps from then on. Once, before the first datagram.
  sbc::DurableState load(std::span<const sbc::ListenerOptions> listeners);
  /// Begins the thread that writes; it calls `turned` with other keys when their time has come.
  void start(std::function<void(const sbc::Secrets&)> turned);
  /// False: nothing is written in this run (read-only, another's, a newer version's).
  [[nodiscard]] bool keeps() const { return mode_ == Mode::keep; }

  // Of the tellers (StateTeller), one a worker and each on its own thread:
  /// One more is there.
  void join();
  /// What changes can be written at this time.
  [[nodiscard]] bool writing() const { return ready_.load(std::memory_order_acquire) && !failed_; }
  /// One write() into the spool. Of what begins at `new_ones` of them, in order, nothing was told that has not ended.
  void append(std::string_view records, std::span<const std::size_t> new_ones);
  /// Begins a retelling where one is due. False: nothing can be written yet.
  bool supervise(acl::TimePoint now);
  /// The number of the last retelling that has begun: each teller tells then all that stands, and says when it has.
  [[nodiscard]] std::uint64_t retelling() const { return retelling_; }
  void retold(std::uint64_t retelling);
  /// What has been appended is to be folded: now, or when it is time.
  void hand_over(acl::TimePoint now, bool at_once);

  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  /// All that changes is kept now.
  [[nodiscard]] bool durable() const { return keeps() && writing() && tellers_left_ == 0; }

 private:
  enum class Mode : std::uint8_t { keep, read_only, off };
  class Reading;

  static constexpr std::string_view database_name = "state.db";
  static constexpr std::string_view cannot_be_written =
      "cannot be written: Postern goes on without keeping its state, and tries again; make room there, or correct the permissions; until "
      "then "
      "a restart loses registrations, bans and trust";

  void fail(std::string_view what);
  void begin_retelling();
  // While spooling_ is held:
  bool append_held(std::string_view records, std::span<const std::size_t> new_ones);
  bool append_held(RecordKind mark);
  void hand_over_held();

  void lock();
  void begin(Reading& reading);
  void cannot_begin(const StateDatabaseError& error);
  void begin_writing(Reading* reading);
  void read_without_writing(Reading& reading);
  void run(const std::stop_token& stop, const std::function<void(const sbc::Secrets&)>& turned);
  void fold();
  void database_failed(const StateDatabaseError& error);
  /// False, and nothing is told: it cannot be moved.
  bool set_aside(std::string_view why);
  void turn_keys(const std::function<void(const sbc::Secrets&)>& turned);
  void tell(LogLevel level, std::string_view file, std::string_view error, std::string_view message) const;

  StateFolder& folder_;
  Log& log_;
  Mode mode_ = Mode::keep;
  bool knows_all_ = true;  ///< of what the database had at the start nothing was left out
  std::atomic<std::uint64_t> failures_ = 0;

  // The tellers', one at a time.
  std::mutex spooling_;
  acl::TimePoint retry_at_, tell_again_at_, hand_over_at_;
  bool told_ = false;
  std::size_t tellers_ = 0;
  // Written by one of them at a time, read by all.
  std::atomic<bool> failed_ = false;
  std::atomic<std::uint64_t> retelling_ = 0;
  std::atomic<std::size_t> tellers_left_ = 0;  ///< who have not told all again yet

  // Made by the writing thread, and the tellers' from then on.
  std::unique_ptr<Spool> spool_;
  Unfolded appended_;     // of the file that is appended to
  Unfolded handed_over_;  // of the one that was handed over, while it is the writing thread's
  std::atomic<bool> ready_ = false;
  std::atomic<bool> retell_ = false;

  // The writing thread.
  std::optional<StateDatabase> database_;
  acl::TimePoint attempt_at_, remove_ended_at_, turn_at_, database_told_at_;
  bool database_told_ = false;
  std::mutex waiting_;
  std::condition_variable_any wake_;
  std::jthread writer_;
};

}  // namespace postern::net
