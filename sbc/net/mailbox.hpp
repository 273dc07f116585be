// Notes on their way to one worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
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
  bool put(sbc::Note note) {
    const std::scoped_lock hold(mutex_);
    notes_.push_back(std::move(note));
    return notes_.size() - first_ == 1;
  }

  /// What is in `notes` gives way; its memory is used for the next ones. True: there are more, to be taken later, and nobody else tells of
  /// them.
  bool take(std::vector<sbc::Note>& notes) {
    notes.clear();
    const std::scoped_lock hold(mutex_);
    if (first_ == 0 && notes_.size() <= at_once) {
      notes.swap(notes_);
      return false;
    }
    const std::size_t end = std::min(first_ + at_once, notes_.size());
    const auto at = [this](std::size_t place) { return std::make_move_iterator(notes_.begin() + static_cast<std::ptrdiff_t>(place)); };
    notes.assign(at(std::exchange(first_, end)), at(end));
    const bool more = first_ < notes_.size();
    if (first_ < notes_.size() - first_) return more;
    // Never more that are taken than that wait.
    notes_.erase(notes_.begin(), notes_.begin() + static_cast<std::ptrdiff_t>(std::exchange(first_, 0)));
    return more;
  }

 private:
  std::mutex mutex_;
  std::vector<sbc::Note> notes_;
  std::size_t first_ = 0;  ///< those before it are taken
};

}  // namespace postern::net
