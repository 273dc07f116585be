// What the engine wants sent.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sbc/flow.hpp"

namespace postern::sbc {

struct Outgoing {
  Flow flow;  ///< to flow.peer, from flow.local, by the socket of flow.side and flow.listener
  std::string bytes;
};

/// A list of datagrams to send, in order. clear() keeps all memory: a warm outbox allocates nothing.
class Outbox {
 public:
  /// A new entry with empty bytes to fill; the reference holds until the next add().
  std::string& add(const Flow& flow) {
    if (count_ == items_.size()) items_.emplace_back();
    Outgoing& item = items_[count_++];
    item.flow = flow;
    item.bytes.clear();
    return item.bytes;
  }
  /// Takes the last entry back.
  void drop_last() { --count_; }
  [[nodiscard]] std::span<const Outgoing> items() const { return {items_.data(), count_}; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  void clear() { count_ = 0; }

 private:
  std::vector<Outgoing> items_;
  std::size_t count_ = 0;
};

}  // namespace postern::sbc
