// What has to be kept because it does not fit a token: bounded in number and in bytes, the least recently used goes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace postern::sbc {

/// Texts by a 64-bit key that strangers cannot choose (a keyed hash of the text).
class LruTexts {
 public:
  /// At most `capacity` texts and `max_bytes` of them together; both are > 0. A longer text is not kept.
  LruTexts(std::size_t capacity, std::size_t max_bytes) : capacity_(capacity), max_bytes_(max_bytes) {}
  LruTexts(const LruTexts&) = delete;
  LruTexts& operator=(const LruTexts&) = delete;

  /// From now on told of what is kept anew, and what had to go (an empty text).
  void tell(std::function<void(std::uint64_t key, std::string_view text)> changed) { changed_ = std::move(changed); }

  /// Keeps the text, or has it used if it is there. False: it is too long. `news`: it is told of if it is kept anew.
  bool put(std::uint64_t key, std::string_view text, bool news = true) {
    if (text.size() > max_bytes_) return false;
    if (find(key) != nullptr) return true;
    while (!texts_.empty() && (texts_.size() >= capacity_ || bytes_ + text.size() > max_bytes_)) evict();
    texts_.push_front({key, std::string(text)});
    by_key_.emplace(key, texts_.begin());
    bytes_ += text.size();
    if (changed_ && news) changed_(key, text);
    return true;
  }

  /// As put(), but a text that is there under this key gives way: for keys that are no hash of their text.
  bool replace(std::uint64_t key, std::string_view text, bool news = true) {
    if (const std::string* kept = find(key); kept != nullptr && *kept != text) erase_front();
    return put(key, text, news);
  }

  /// nullptr: not there. What was found is no longer the least recently used. The pointer holds until the next put().
  const std::string* find(std::uint64_t key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    texts_.splice(texts_.begin(), texts_, found->second);
    return &found->second->text;
  }

  /// Calls `visit(key, text)` for each, the least recently used first.
  template <class F>
  void each(F&& visit) const {
    for (auto entry = texts_.rbegin(); entry != texts_.rend(); ++entry) visit(entry->key, std::string_view(entry->text));
  }

  [[nodiscard]] std::size_t size() const { return texts_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::string text;
  };
  struct AsItIs {
    std::size_t operator()(std::uint64_t key) const { return static_cast<std::size_t>(key); }
  };

  void erase_front() {  // where find() puts what it found
    bytes_ -= texts_.front().text.size();
    by_key_.erase(texts_.front().key);
    texts_.pop_front();
  }

  void evict() {
    bytes_ -= texts_.back().text.size();
    if (changed_) changed_(texts_.back().key, {});
    by_key_.erase(texts_.back().key);
    texts_.pop_back();
    ++evictions_;
  }

  std::size_t capacity_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t evictions_ = 0;
  std::list<Entry> texts_;
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator, AsItIs> by_key_;
  std::function<void(std::uint64_t, std::string_view)> changed_;
};

}  // namespace postern::sbc
