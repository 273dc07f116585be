// The core's route sets of dialogs whose later messages record none (RFC 3261 §12.2: a dialog keeps the one that it began with).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sbc/lru.hpp"

namespace postern::sbc {

/// Bounded: the least recently used goes first, and its dialog's next Contact leads to the PBX without them. One a worker.
class RouteSets {
 public:
  explicit RouteSets(std::size_t capacity) : texts_(capacity, capacity * bytes_a_set) {}

  /// `dialog`: a hash that strangers cannot choose. What was kept for it gives way (an early dialog's set is made anew by the 2xx,
  /// §13.2.2.4).
  void put(std::uint64_t dialog, const std::vector<std::string>& routes) {
    text_.clear();
    for (const std::string& route : routes) text_.append(route).append("\n");
    texts_.replace(dialog, text_);
  }
  /// From now on told of what put() keeps anew, in a form that restore() takes.
  void tell(std::function<void(std::uint64_t dialog, std::string_view text)> kept) {
    texts_.tell([kept = std::move(kept)](std::uint64_t dialog, std::string_view text) {
      if (!text.empty()) kept(dialog, text);
    });
  }
  void restore(std::uint64_t dialog, std::string_view text) { texts_.replace(dialog, text, false); }
  /// False, and `routes` stays as it is: nothing is kept.
  bool find(std::uint64_t dialog, std::vector<std::string>& routes) {
    const std::string* kept = texts_.find(dialog);
    if (kept == nullptr) return false;
    routes.clear();
    for (std::string_view lines = *kept; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1))
      routes.emplace_back(lines.substr(0, lines.find('\n')));
    return true;
  }

  [[nodiscard]] std::size_t size() const { return texts_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return texts_.evictions(); }

 private:
  static constexpr std::size_t bytes_a_set = 256;
  LruTexts texts_;
  std::string text_;
};

}  // namespace postern::sbc
