#include "sbc/net/service_manager.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <string>
#include <utility>

namespace postern::net {
namespace {

constexpr std::chrono::microseconds ask_again = std::chrono::seconds{1};  // who did not answer may have come back

/// What it cannot be told, it finds out by the time that it waits for it.
void tell(const std::string& state) { static_cast<void>(::sd_notify(0, state.c_str())); }

}  // namespace

ServiceManager::ServiceManager(boost::asio::io_context& io, AskAll ask_all) : ask_all_(std::move(ask_all)), timer_(io) {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) > 0) interval_ = std::chrono::microseconds(microseconds) / 2;
}

void ServiceManager::started() {
  tell("READY=1\nSTATUS=Running");
  if (interval_ > interval_.zero()) wait_to_ask(interval_);
}

void ServiceManager::reloading() {
  // The clock that systemd reads is that of steady_clock, CLOCK_MONOTONIC.
  const std::chrono::microseconds now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reading the configuration again", now.count()));
}

void ServiceManager::reloaded(bool applied) {
  tell(applied ? "READY=1\nSTATUS=Running" : "READY=1\nSTATUS=Running as before: the last reload was refused, the log says why");
}

void ServiceManager::stopping() { tell("STOPPING=1\nSTATUS=Stopping"); }

void ServiceManager::wait_to_ask(std::chrono::microseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    if (!asked_) ask();
    wait_to_ask(interval_);
  });
}

void ServiceManager::ask() {
  asked_ = true;
  ask_all_([this](bool all) {
    asked_ = false;
    if (!all) return wait_to_ask(std::min(interval_, ask_again));
    tell("WATCHDOG=1");
  });
}

}  // namespace postern::net
