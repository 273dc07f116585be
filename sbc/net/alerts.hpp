// Alerts: what an operator is told at once, by webhook and by command.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/called_countries.hpp"
#include "sbc/event.hpp"
#include "sbc/net/alert.hpp"
#include "sbc/net/alert_throttle.hpp"
#include "sbc/net/alert_way.hpp"
#include "sbc/net/control.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/options.hpp"
#include "sbc/net/stream_counters.hpp"

namespace postern::net {

/// What is looked at when alerts are configured, when a reload has changed it, and once a day.
struct AlertFacts {
  std::vector<CertificateEnd> certificates;
  std::uint64_t countries_built = 0, asns_built = 0;  ///< the databases, in seconds since 1970; 0: there is none
  bool operator==(const AlertFacts&) const = default;
};

/// Of the main thread, but for what says otherwise. What happens on other threads is posted here, sorted and held back (AlertThrottle), and
/// delivered by a thread for each way: nothing waits for a delivery.
class Alerts {
 public:
  static constexpr std::size_t most_posted_of_a_kind = 32;

  /// `io` is the main thread's and outlives it, as does `log`. `facts` is called on that thread.
  Alerts(boost::asio::io_context& io, Log& log, std::function<AlertFacts()> facts);
  ~Alerts();
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  /// Any thread, as the next. Where too many of a kind wait they are lost and counted. What a stranger can bring about in any words that he
  /// likes pages nobody, and is counted as held back; only a call for help is told whoever makes it.
  void on_event(const sbc::Event& event);
  void tell(Alert alert);

  /// At the start and at each reload.
  void apply(const std::optional<AlertOptions>& options);
  /// Takes back which countries were called, from the file `countries` of the state folder, a word a line, and keeps it there. `called`
  /// is asked by what runs on `io` alone: it may end before this does, but after the last of that. Once.
  void remember(sbc::CalledCountries& called, const std::string& folder);
  /// A trial by each way: an array of `{"way", "to", "delivered", "result"}` when all are through, or why there is none.
  void test(const Answer& answer);
  [[nodiscard]] const AlertCounts& counts() const { return counts_; }

 private:
  struct Trial;

  void take(Alert alert);
  void send(Alert alert);
  void arm_throttle();
  void look();
  void look_daily();
  void keep_countries();
  void use_webhook(const std::optional<WebhookOptions>& to);
  void use_command(const std::string& path);

  boost::asio::io_context& io_;
  std::function<AlertFacts()> facts_;
  AlertCounts counts_;
  std::atomic<bool> on_{false};
  std::array<std::atomic<std::size_t>, alert_kinds.size()> posted_{};
  AlertOptions options_;
  std::optional<AlertFacts> looked_at_;  ///< nullopt: nobody was to be told
  std::string told_call_;                ///< the Call-ID of the last emergency call that was told
  AlertThrottle throttle_;
  boost::asio::steady_timer throttle_timer_, daily_timer_;
  sbc::CalledCountries* called_ = nullptr;
  std::string folder_;
  std::optional<boost::asio::thread_pool> writer_;  ///< once there is something to write
  AlertWay webhook_, command_;                      // last: their threads end first
};

}  // namespace postern::net
