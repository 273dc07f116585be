// What systemd is told of this process, where it asks for it: Type=notify and WatchdogSec= of the unit (sd_notify(3)).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>

namespace postern::net {

/// Without a service manager ($NOTIFY_SOCKET) nothing is told. Called from the thread that runs `io`, which must outlive it.
class ServiceManager {
 public:
  /// Calls `then` on this thread once every worker has answered, or with false: one of them does not.
  using AskAll = std::function<void(std::function<void(bool all)> then)>;

  ServiceManager(boost::asio::io_context& io, AskAll ask_all);

  /// All ports are open. From now on the watchdog is told, twice in the time that it has ($WATCHDOG_USEC), that all workers answer: one
  /// that is stuck has the service restarted.
  void started();
  void reloading();
  /// A reload has ended, which `systemctl reload` waits for; `systemctl status` shows one that was refused.
  void reloaded(bool applied);
  void stopping();

 private:
  void wait_to_ask(std::chrono::microseconds time);
  void ask();

  AskAll ask_all_;
  boost::asio::steady_timer timer_;
  std::chrono::microseconds interval_{0};  ///< 0: there is no watchdog
  bool asked_ = false;                     ///< and not all have answered
};

}  // namespace postern::net
