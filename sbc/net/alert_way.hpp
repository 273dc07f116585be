// One way by which alerts go out: a thread that delivers them one after the other, and tries again what may work another time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "sbc/net/alert.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/webhook.hpp"

namespace postern::net {

/// postern_alerts_total
struct AlertCounts {
  std::atomic<std::uint64_t> delivered = 0, failed = 0, held_back = 0, lost = 0;
};

class AlertWay {
 public:
  /// Each kind has its own places: nobody who can bring about many of one keeps another from being told.
  static constexpr std::ptrdiff_t most_of_a_kind = 16;
  static constexpr int most_tries = 5;
  /// Before the second try, the third ...: three minutes in all, which a router's restart takes.
  static constexpr std::array<std::chrono::seconds, most_tries - 1> pauses{std::chrono::seconds{2}, std::chrono::seconds{10},
                                                                           std::chrono::seconds{40}, std::chrono::seconds{120}};
  using Deliver = std::function<AlertResult(const Alert& alert, const std::stop_token& stop)>;
  using Tell = std::function<void(const AlertResult& result)>;

  /// `name`: "webhook" or "command", for the log and the thread. `log` and `counts` must outlive it.
  AlertWay(std::string name, Log& log, AlertCounts& counts);
  /// A delivery that is under way is given up, and what waits is lost.
  ~AlertWay();
  AlertWay(const AlertWay&) = delete;
  AlertWay& operator=(const AlertWay&) = delete;

  /// From the next delivery on. `to`: whom it reaches, for the log. Without one nothing goes this way, and what waits is dropped.
  void use(std::string to, Deliver deliver);
  [[nodiscard]] bool in_use() const;
  [[nodiscard]] std::string to() const;
  /// Never waits. Where too many of its kind wait it is lost and counted; what must go out at once takes the place of what need not. With
  /// `tell` it is a trial: delivered before all others, tried once and not counted. `tell` is called once, on the thread, or within push()
  /// or use() where it comes to nothing; not where the way ends.
  void push(std::shared_ptr<const Alert> alert, Tell tell = {});

 private:
  struct Waiting {
    std::shared_ptr<const Alert> alert;
    Tell tell;
    int tries = 0;
    std::chrono::steady_clock::time_point due{};
    [[nodiscard]] int rank() const { return tell ? 0 : alert->goes_at_once() ? 1 : 2; }
  };

  void drop_all();
  /// False: there is none, and that is counted, or told of a trial.
  bool make_room(const Waiting& waiting);
  void run(const std::stop_token& stop);
  /// Of those that are due the first one of the lowest rank; end(): none is.
  [[nodiscard]] std::list<Waiting>::iterator next(std::chrono::steady_clock::time_point now);
  [[nodiscard]] std::chrono::steady_clock::time_point next_due() const;
  [[nodiscard]] AlertResult deliver(const Deliver& deliver, const Alert& alert, const std::stop_token& stop) const;
  void finish(Waiting waiting, const AlertResult& result);
  void log_failure(const Waiting& waiting, const AlertResult& result) const;

  std::string name_;
  Log& log_;
  AlertCounts& counts_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  // Under the mutex.
  std::string to_;
  std::shared_ptr<const Deliver> deliver_;
  std::list<Waiting> waiting_;
  bool changed_ = false;
  std::jthread thread_;  ///< once there is a way; last: it ends first
};

}  // namespace postern::net
