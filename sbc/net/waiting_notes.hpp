// What the others have for a worker that has not come to it yet.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace postern::net {

/// Counts the notes in a worker's mailbox and the packets in its event loop, so that they are bounded: whoever has one for it asks for a
/// place, and the worker gives it back. Any thread.
class WaitingNotes {
 public:
  static constexpr std::size_t most = 16'384;
  static constexpr std::size_t reserve = 16'384;  ///< beyond these, for what nobody tells again

  /// A place for another one. False: there is none, and one more is lost.
  bool enter(bool may_be_lost) {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) < (may_be_lost ? most : most + reserve)) return true;
    leave();
    lost_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void leave(std::size_t places = 1) { waiting_.fetch_sub(places, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t size() const { return waiting_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace postern::net
