// When a worker lets datagrams gather before it reads on.
#pragma once

#include <chrono>
#include <cstddef>

#include "acl/rate.hpp"

namespace postern::net {

/// Under a flood one wake-up a datagram costs more than to refuse it, so a worker that is woken very often naps before it waits for the
/// next: some dozens are then read at once. Never below `from_rate`: an idle edge, and one with all the calls of 2,000 phones, answers at
/// once. Nor when the worker has hardly any time left: what arrives while it works gathers by itself. And where each turn finds a full
/// batch a shorter nap will do, until it is none: who waits for the answers to so many sends no more of them for being kept waiting.
class Gathering {
 public:
  using Duration = acl::Duration;
  static constexpr double from_rate = 16'000;  ///< datagrams a second
  static constexpr double most_busy = 0.8;     ///< the part of the time that the worker may be at work
  static constexpr Duration longest{std::chrono::microseconds{400}};
  static constexpr std::size_t enough = 48;  ///< so many at once cost hardly less each than more would
  static constexpr std::size_t full = 63;    ///< a turn, in the mean: more than `enough` brings by itself

  static constexpr int turns_at_once = 4;  ///< that one socket may have before the others
  static constexpr std::size_t few = 8;    ///< datagrams a turn; fewer are no flood

  /// Is a socket that has had so many turns in a row, the last of which brought so many datagrams, to be read once more before the others
  /// get theirs? To ask the kernel who has something takes as long as to refuse some packets. Not where something was sent, which is going
  /// to be answered.
  [[nodiscard]] static bool goes_on(int turns, std::size_t datagrams, bool has_sent) {
    return turns < turns_at_once && datagrams >= few && !has_sent;
  }

  /// A turn from `begin` to `end` has read so many datagrams. How long to nap now; zero: not at all.
  [[nodiscard]] Duration after(std::size_t datagrams, acl::TimePoint begin, acl::TimePoint end);

 private:
  void begin_window(acl::TimePoint begin);
  [[nodiscard]] Duration next_nap(double seconds) const;

  static constexpr Duration window{std::chrono::milliseconds{2}};

  acl::TimePoint window_begin_, last_end_;
  Duration busy_{};        ///< within the window
  std::size_t count_ = 0;  ///< of datagrams within it
  std::size_t turns_ = 0;  ///< and of turns
  Duration nap_{};         ///< what the last whole window asked for
};

/// Spends a nap. Other workers (`alone`: there are none) that wait for this processor have their turn first: what comes while another is at
/// work gathers as well, and sleeping beside it would only break its turns into small pieces.
void rest(acl::Duration nap, bool alone);

}  // namespace postern::net
