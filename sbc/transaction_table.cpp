#include "sbc/transaction_table.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace postern::sbc {
namespace {

constexpr std::size_t largest_pooled = 2048;          // a buffer that a large body made goes back at once
constexpr std::size_t most_records = UINT32_MAX / 4;  // two timers each

constexpr std::size_t texts = 6;
constexpr std::size_t small_text = 32;  // what a string grows to when it leaves its inside

std::array<std::string*, texts> texts_of(Record& record) {
  return {&record.original, &record.sent, &record.last_response, &record.hidden_vias, &record.memo, &record.cancel_reasons};
}

std::size_t heap_bytes(const std::string& text) {
  static const std::size_t inside = std::string{}.capacity();
  return text.capacity() > inside ? text.capacity() : 0;
}

}  // namespace

TransactionTable::TransactionTable(std::size_t capacity, std::size_t memory, TimerWheel& timers)
    : capacity_(std::clamp<std::size_t>(capacity, 1, most_records)),
      held_limit_(memory - memory / 8),
      pool_limit_(memory / 8),
      timers_(timers),
      buckets_(std::bit_ceil(capacity_), none) {}

std::uint32_t& TransactionTable::bucket(const BranchId& id, bool is_own) {
  return buckets_[(is_own ? id.high : id.low) & (buckets_.size() - 1)];
}

Record* TransactionTable::find(const BranchId& id, bool is_own) {
  for (std::uint32_t index = bucket(id, is_own); index != none; index = slab_[index].next_in_bucket) {
    if (slab_[index].id == id && slab_[index].is_own == is_own) return &slab_[index];
  }
  return nullptr;
}

Record* TransactionTable::add(const BranchId& id, bool is_own, std::size_t bytes, const Record* keep, bool proven) {
  bytes += small_text * texts;
  if (!make_room(1, bytes, keep, proven)) return nullptr;
  Record& record = unused(bytes);
  record.id = id;
  record.is_own = is_own;
  record.unproven = !proven;
  if (record.unproven) ++unproven_size_;
  std::uint32_t& head = bucket(id, is_own);
  record.next_in_bucket = head;
  head = record.index;
  ++size_;
  recount(record);
  return &record;
}

Record& TransactionTable::unused(std::size_t bytes) {
  if (warm_.empty() && cold_.empty()) {
    Record& record = slab_.emplace_back();
    record.index = static_cast<std::uint32_t>(slab_.size() - 1);
    return record;
  }
  std::vector<std::uint32_t>& from = warm_.empty() ? cold_ : warm_;
  Record& record = slab_[from.back()];
  from.pop_back();
  const std::size_t buffers = bytes_of(record);
  pooled_ -= buffers;
  if (held_ + buffers + bytes > held_limit_) {  // room was made for the bytes, not for buffers that may turn out too small
    for (std::string* text : texts_of(record)) forget_text(*text);
  }
  return record;
}

void TransactionTable::erase(Record& record) {
  timers_.cancel(retransmit_timer(record));
  timers_.cancel(life_timer(record));
  if (record.answered) unlink_answered(record);
  std::uint32_t* link = &bucket(record.id, record.is_own);
  while (*link != record.index) link = &slab_[*link].next_in_bucket;
  *link = record.next_in_bucket;

  held_ -= record.held;
  if (record.unproven) {
    unproven_held_ -= record.held;
    --unproven_size_;
  }
  Record clean;
  clean.index = record.index;
  std::size_t buffers = 0;
  const auto kept = texts_of(clean);
  const auto old = texts_of(record);
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::size_t size = heap_bytes(*old[i]);
    if (size == 0 || size > largest_pooled || pooled_ + buffers + size > pool_limit_) {
      forget_text(*old[i]);  // assigning an empty string would keep the buffer
      continue;
    }
    buffers += size;
    kept[i]->swap(*old[i]);
    kept[i]->clear();
  }
  record = std::move(clean);
  pooled_ += buffers;
  (buffers > 0 ? warm_ : cold_).push_back(record.index);
  --size_;
}

void TransactionTable::store(Record& record, std::string& text, std::string_view value) {
  if (text.capacity() < value.size()) {
    forget_text(text);
    recount(record);
    if (!make_room(0, value.size(), &record, true)) return;  // of its share: add() saw to it
    text.reserve(value.size());
  }
  text.assign(value);
  recount(record);
}

void TransactionTable::cut(Record& record, std::string& text, std::size_t size) {
  if (size < text.size()) text.resize(size);
  if (heap_bytes(text) > largest_pooled) text.shrink_to_fit();
  recount(record);
}

void TransactionTable::recount(Record& record) {
  held_ -= record.held;
  if (record.unproven) unproven_held_ -= record.held;
  record.held = bytes_of(record);
  held_ += record.held;
  if (record.unproven) unproven_held_ += record.held;
}

void TransactionTable::mark_answered(Record& record) {
  if (record.answered) return;
  record.answered = true;
  Answered& list = list_of(record);
  record.older = list.newest;
  (list.newest == none ? list.oldest : slab_[list.newest].newer) = record.index;
  list.newest = record.index;
}

void TransactionTable::unlink_answered(Record& record) {
  Answered& list = list_of(record);
  (record.older == none ? list.oldest : slab_[record.older].newer) = record.newer;
  (record.newer == none ? list.newest : slab_[record.newer].older) = record.older;
  record.older = record.newer = none;
  record.answered = false;
}

bool TransactionTable::make_room(std::size_t records, std::size_t bytes, const Record* keep, bool proven) {
  const auto share_is_full = [&] {
    return !proven && (unproven_size_ + records > (capacity_ + 1) / 2 || unproven_held_ + bytes > held_limit_ / 2);
  };
  const auto table_is_full = [&] { return size_ + records > capacity_ || held_ + bytes > held_limit_; };
  while (true) {
    const bool own_share = share_is_full();
    if (!own_share && !table_is_full()) return true;
    Record* victim = oldest(answered_unproven_, keep);
    if (victim == nullptr && !own_share) victim = oldest(answered_proven_, keep);
    if (victim == nullptr) return false;
    erase(*victim);
    ++evictions_;
  }
}

Record* TransactionTable::oldest(const Answered& answered, const Record* keep) {
  std::uint32_t index = answered.oldest;
  if (index != none && &slab_[index] == keep) index = slab_[index].newer;
  return index == none ? nullptr : &slab_[index];
}

void TransactionTable::forget_text(std::string& text) { std::string{}.swap(text); }

std::size_t TransactionTable::bytes_of(const Record& record) {
  return heap_bytes(record.original) + heap_bytes(record.sent) + heap_bytes(record.last_response) + heap_bytes(record.hidden_vias) +
         heap_bytes(record.memo) + heap_bytes(record.cancel_reasons);
}

}  // namespace postern::sbc
