#include "sbc/transaction_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "acl/fetch.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t most_records = UINT32_MAX / 4;  // two timers each

template <class AnyRecord>
auto texts_of(AnyRecord& record) {
  return std::array{&record.original, &record.sent, &record.last_response, &record.hidden_vias, &record.memo, &record.cancel_reasons};
}

}  // namespace

TransactionTable::TransactionTable(std::size_t capacity, std::size_t memory, TimerWheel& timers)
    : capacity_(std::clamp<std::size_t>(capacity, 1, most_records)),
      held_limit_(memory - memory / 8),
      timers_(timers),
      pool_(memory / 8),
      buckets_(std::bit_ceil(capacity_), none),
      answered_invites_{.limit = memory / 4},
      answered_others_{.limit = memory / 8},
      answered_unproven_{.limit = memory / 8} {}

// A CANCEL of ours stands in the bucket of its INVITE: a response asks for both.
std::uint32_t& TransactionTable::bucket(const BranchId& id) { return buckets_[id.low & (buckets_.size() - 1)]; }

Record* TransactionTable::find(const BranchId& id, bool is_own) {
  for (std::uint32_t index = bucket(id); index != none; index = slab_[index].next_in_bucket) {
    if (slab_[index].id == id && slab_[index].is_own == is_own) return &slab_[index];
  }
  return nullptr;
}

Record* TransactionTable::add(const BranchId& id, bool is_own, std::size_t bytes, const Record* keep, bool proven) {
  if (!make_room(1, bytes, keep, proven)) return nullptr;
  Record& record = unused();
  record.id = id;
  record.is_own = is_own;
  record.unproven = !proven;
  if (record.unproven) ++unproven_size_;
  std::uint32_t& head = bucket(id);
  record.next_in_bucket = head;
  head = record.index;
  ++size_;
  recount(record);
  return &record;
}

Record& TransactionTable::unused() {
  if (unused_.empty()) {
    Record& record = slab_.emplace_back();
    record.index = static_cast<std::uint32_t>(slab_.size() - 1);
    return record;
  }
  Record& record = slab_[unused_.back()];
  unused_.pop_back();
  return record;
}

void TransactionTable::erase(Record& record) {
  timers_.cancel(retransmit_timer(record));
  timers_.cancel(life_timer(record));
  if (record.answered) unlink_answered(record);
  std::uint32_t* link = &bucket(record.id);
  while (*link != record.index) link = &slab_[*link].next_in_bucket;
  *link = record.next_in_bucket;

  for (std::string* text : texts_of(record)) pool_.take_back(*text);
  recount(record);
  if (record.unproven) --unproven_size_;
  end_wait(record);
  Record clean;
  clean.index = record.index;
  record = std::move(clean);
  unused_.push_back(record.index);
  --size_;
}

void TransactionTable::store(Record& record, std::string& text, std::string_view value) {
  if (text.capacity() < value.size()) {
    pool_.take_back(text);
    recount(record);
    if (!make_room(0, TextPool::room_for(value.size()), &record, true)) return;  // of its share: add() saw to it
    pool_.fill(text, value);
  } else {
    text.assign(value);
  }
  recount(record);
}

void TransactionTable::cut(Record& record, std::string& text, std::size_t size) {
  if (size >= text.size()) return;
  text.resize(size);
  // What a large body made goes back at once.
  if (TextPool::bytes_of(text) > TextPool::longest) {
    cut_ = text;
    pool_.take_back(text);
    pool_.fill(text, cut_);
  }
  recount(record);
}

void TransactionTable::drop(Record& record, std::initializer_list<std::string*> unneeded) {
  for (std::string* text : unneeded) pool_.take_back(*text);
  recount(record);
}

void TransactionTable::recount(Record& record) {
  const std::size_t before = record.held;
  record.held = 0;
  for (const std::string* text : texts_of(record)) record.held += TextPool::bytes_of(*text);
  held_ += record.held - before;
  if (record.unproven) unproven_held_ += record.held - before;
  if (record.answered) list_of(record).held += record.held - before;
}

void TransactionTable::mark_answered(Record& record) {
  if (record.answered) return;
  record.answered = true;
  Answered& list = list_of(record);
  list.held += sizeof record + record.held;
  record.older = list.newest;
  (list.newest == none ? list.oldest : slab_[list.newest].newer) = record.index;
  list.newest = record.index;
  while (list.held > list.limit) {
    Record* victim = oldest(list, &record);
    if (victim == nullptr) return;
    evict(*victim);
  }
}

void TransactionTable::await(Record& record) {
  record.awaited = record.to.side == Side::access && !is_datagram(record.to.transport);
  if (record.awaited) ++awaited_[record.to.connection];
}

void TransactionTable::end_wait(Record& record) {
  if (!std::exchange(record.awaited, false)) return;
  const auto found = awaited_.find(record.to.connection);
  if (--found->second == 0) awaited_.erase(found);
}

void TransactionTable::unlink_answered(Record& record) {
  Answered& list = list_of(record);
  (record.older == none ? list.oldest : slab_[record.older].newer) = record.newer;
  (record.newer == none ? list.newest : slab_[record.newer].older) = record.older;
  record.older = record.newer = none;
  record.answered = false;
  list.held -= sizeof record + record.held;
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
    if (victim == nullptr && !own_share) victim = oldest(answered_others_, keep);
    if (victim == nullptr && !own_share) victim = oldest(answered_invites_, keep);
    if (victim == nullptr) return false;
    evict(*victim);
    ++evictions_;
  }
}

// Who goes next lies in memory that no cache holds any more: it comes near while others are served.
void TransactionTable::expect_eviction_after(const Record& record) {
  if (record.newer == none) return;
  const Record& next = slab_[record.newer];
  acl::fetch(&bucket(next.id), 1);
  timers_.expect(retransmit_timer(next));
  timers_.expect(life_timer(next));
  if (!next.last_response.empty()) acl::fetch(next.last_response.data(), std::min(next.last_response.size(), TextPool::longest));
  if (next.newer != none) acl::fetch(&slab_[next.newer], sizeof(Record));
}

void TransactionTable::evict(Record& record) {
  expect_eviction_after(record);
  erase(record);
}

Record* TransactionTable::oldest(const Answered& answered, const Record* keep) {
  std::uint32_t index = answered.oldest;
  if (index != none && &slab_[index] == keep) index = slab_[index].newer;
  return index == none ? nullptr : &slab_[index];
}

}  // namespace postern::sbc
