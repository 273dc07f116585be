// Notes on their way to one worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sbc/fellows.hpp"

namespace postern::net {

/// In the order in which they came: under load a worker is woken once for many of them. Any thread.
class Mailbox {
 public:
  static constexpr std::size_t at_once = 256;  ///< between two turns of its sockets

  /// True: it was empty, so its worker has to be told to take().
  bool put(std::shared_ptr<const sbc::Note> note) {
    const std::scoped_lock hold(mutex_);
    notes_.push_back(std::move(note));
    return notes_.size() == 1;
  }

  struct Taken {
    std::vector<std::shared_ptr<const sbc::Note>> notes;
    bool more = false;  ///< to be taken later, and nobody else tells of it
  };
  Taken take() {
    Taken taken;
    const std::scoped_lock hold(mutex_);
    const auto end = notes_.begin() + static_cast<std::ptrdiff_t>(std::min(at_once, notes_.size()));
    taken.notes.assign(std::make_move_iterator(notes_.begin()), std::make_move_iterator(end));
    notes_.erase(notes_.begin(), end);
    taken.more = !notes_.empty();
    return taken;
  }

 private:
  std::mutex mutex_;
  std::deque<std::shared_ptr<const sbc::Note>> notes_;
};

}  // namespace postern::net
