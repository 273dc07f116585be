// Weak passwords seen on the wire: the thread that tries them, and the verdicts that outlive a restart.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "sbc/net/alert.hpp"
#include "sbc/net/log.hpp"
#include "sbc/weak_passwords.hpp"

namespace postern::net {

/// The file is JSON in the state folder, an array of `{"account", "kind", "since"}`: which account's password is weak and in what way, and
/// nothing of the password itself.
class PasswordTrials {
 public:
  /// `accounts` and `log` must outlive it. `folder`: the state folder; empty: nothing is kept.
  /// `tell` is called on the thread that tries.
  PasswordTrials(sbc::WeakPasswords& accounts, std::string folder, Log& log, std::function<void(Alert)> tell = {});
  ~PasswordTrials() = default;  // the thread ends; whoever hands in meanwhile, or from then on, wakes nobody
  PasswordTrials(const PasswordTrials&) = delete;
  PasswordTrials& operator=(const PasswordTrials&) = delete;

  /// Takes back what was kept, and begins the thread.
  void start();

 private:
  /// What those who hand in share with the thread: it lasts for as long as one of them may call.
  struct Waker {
    std::mutex lock;
    std::condition_variable_any wake;
    bool woken = false;
  };

  void restore();
  void run(const std::stop_token& stop);
  void look_at(const sbc::WatchedDigest& digest);
  void keep() const;

  sbc::WeakPasswords& accounts_;
  std::string folder_;
  Log& log_;
  std::function<void(Alert)> tell_;
  std::shared_ptr<Waker> waker_ = std::make_shared<Waker>();
  std::jthread thread_;  // last: it ends first
};

}  // namespace postern::net
