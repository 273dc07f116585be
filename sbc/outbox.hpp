// What the engine wants sent.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sbc/flow.hpp"

namespace postern::sbc {

struct Outgoing {
  Flow flow;  ///< to flow.peer, from flow.local, by the socket of flow.side and flow.listener
  std::string bytes;
  bool to_unproven = false;  ///< an answer to what has not proved its source: held to what that source may be sent
  bool repeats = false;      ///< a request that was sent before: held like an answer where no registration proved itself
  std::size_t pad_at = 0;    ///< behind so many octets any number of spaces may be put in (RFC 3261 §7.3.1); 0: nowhere

  static constexpr std::string_view response_start = "SIP/2.0 ";
  [[nodiscard]] bool is_response() const { return bytes.starts_with(response_start); }
};

/// A list of datagrams to send, in order. clear() keeps all memory: a warm outbox allocates nothing.
class Outbox {
 public:
  /// A new entry with empty bytes to fill; the reference holds until the next add().
  std::string& add(const Flow& flow, bool to_unproven = false) {
    if (count_ == items_.size()) items_.emplace_back();
    Outgoing& item = items_[count_++];
    item.flow = flow;
    item.bytes.clear();
    item.to_unproven = to_unproven;
    item.repeats = false;
    item.pad_at = 0;
    return item.bytes;
  }
  /// A new entry with a request for the PBX (Outgoing::pad_at).
  void add_request(const Flow& flow, std::string_view request, std::size_t pad_at) {
    add(flow) = request;
    items_[count_ - 1].pad_at = pad_at;
  }
  /// A new entry with a request that was sent before.
  void add_again(const Flow& flow, std::string_view request) {
    add(flow) = request;
    items_[count_ - 1].repeats = true;
  }
  /// Takes the last entry back.
  void drop_last() { --count_; }
  /// Takes out the entries from `first` on for which `unwanted(const Outgoing&)` is true; the others keep their order.
  template <class Predicate>
  void remove_if(std::size_t first, Predicate&& unwanted) {
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(count_);
    auto kept = items_.begin() + static_cast<std::ptrdiff_t>(first);
    for (auto item = kept; item != end; ++item) {
      if (unwanted(std::as_const(*item))) continue;
      if (kept != item) std::swap(*kept, *item);  // the buffer of what goes stays for later use
      ++kept;
    }
    count_ = static_cast<std::size_t>(kept - items_.begin());
  }
  [[nodiscard]] std::span<const Outgoing> items() const { return {items_.data(), count_}; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  void clear() { count_ = 0; }

 private:
  std::vector<Outgoing> items_;
  std::size_t count_ = 0;
};

}  // namespace postern::sbc
