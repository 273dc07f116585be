// What outlives a restart, on its way to the disk: taken off the engine at once, folded into the database by a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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

namespace postern::net {

/// Nothing here ends the process or holds up the packets: whatever cannot be read or written is told in the log, and Postern goes on
/// without. Where writing failed it is tried again, and what stands then is told anew, as soon as it works.
class StateStore final : public sbc::DurableSink {
 public:
  /// `folder` and `log` must outlive it.
  StateStore(StateFolder& folder, Log& log);
  /// What waits is written.
  ~StateStore() override;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  /// Reads what was kept, and keeps from then on. Once, before the first datagram.
  sbc::DurableState load(std::span<const sbc::ListenerOptions> listeners);
  /// Begins the thread that writes; it calls `turned` with other keys when their time has come.
  void start(std::function<void(const sbc::Secrets&)> turned);
  /// False: nothing is written in this run (read-only, another's, a newer version's).
  [[nodiscard]] bool keeps() const { return mode_ == Mode::keep; }

  // Of the engine's thread:
  /// A reload changed them.
  void apply(std::span<const sbc::ListenerOptions> listeners) { listeners_ = sbc::addresses_of(listeners); }
  void keep(const sbc::Binding& binding, sbc::Urgency urgency) override;
  void forget(const sbc::Binding& binding) override;
  void keep(const sbc::DurableBan& ban) override;
  void keep(const sbc::DurableTrust& trust, sbc::Urgency urgency) override;
  void keep(sbc::TokenTable table, std::uint64_t key, std::string_view text) override;
  void forget(sbc::TokenTable table, std::uint64_t key) override;
  /// Before datagrams leave that tell of changes: at most one write().
  void commit() {
    if (urgent_) write_pending();
  }
  /// What may wait, and what is to be tried again. Returns when to call it next.
  std::chrono::milliseconds tick(const sbc::Engine& engine, acl::TimePoint now);

  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  /// All that changes is kept now.
  [[nodiscard]] bool durable() const { return keeps() && writing() && !cursor_; }

 private:
  enum class Mode : std::uint8_t { keep, read_only, off };
  class Reading;

  static constexpr std::string_view database_name = "state.db";
  static constexpr std::string_view cannot_be_written =
      "cannot be written: Postern goes on without keeping its state, and tries again; make room there, or correct the permissions; until "
      "then "
      "a restart loses registrations, bans and trust";

  [[nodiscard]] bool writing() const { return ready_.load(std::memory_order_acquire) && !failed_; }
  std::string* record(sbc::Urgency urgency);
  void recorded();
  void write_pending();
  void fail(std::string_view what);
  void begin_retelling();

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
  std::vector<sbc::ListenerAddress> listeners_;
  Mode mode_ = Mode::keep;
  std::atomic<std::uint64_t> failures_ = 0;

  // The engine's thread.
  Clocks clocks_;
  std::string pending_;
  bool urgent_ = false;
  bool failed_ = false;
  std::size_t content_bytes_ = 0;
  std::optional<sbc::RetellCursor> cursor_;
  acl::TimePoint retry_at_, tell_again_at_, hand_over_at_;
  bool told_ = false;

  // Made by the writing thread, and of the engine's from then on.
  std::unique_ptr<Spool> spool_;
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
