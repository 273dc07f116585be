#include "sbc/net/unfolded.hpp"

#include <random>

namespace postern::net {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

}  // namespace

Unfolded::Unfolded() : hash_(random_seed()) {}

void Unfolded::add(const Record& record, bool is_new) {
  if (is_mark(record.kind)) return add_mark(record);
  const std::uint64_t hash = hash_(record.key, static_cast<std::uint64_t>(record.kind));
  const auto [place, is_first] = places_.try_emplace(hash, slots_.size());
  if (!is_first) {
    Slot& slot = slots_[place->second];
    if (slot.kind == record.kind && slot.key() == record.key) {
      if (!record.removed || !slot.is_new) return fill(slot, record);
      slot.is_used = false;
      free_.push_back(place->second);
      places_.erase(place);
      return;
    }
    // Another key with the same hash: it stands in its order at the end, and is found by nothing.
    return fill(slots_.emplace_back(), record);
  }
  if (!free_.empty()) {
    place->second = free_.back();
    free_.pop_back();
  } else {
    slots_.emplace_back();
  }
  Slot& slot = slots_[place->second];
  slot.is_new = is_new && !record.removed;
  fill(slot, record);
}

void Unfolded::fill(Slot& slot, const Record& record) {
  slot.is_used = true;
  slot.kind = record.kind;
  slot.removed = record.removed;
  slot.ends = record.ends;
  slot.key_size = record.key.size();
  slot.text.assign(record.key).append(record.value);
}

/// What stands before it is told before it.
void Unfolded::add_mark(const Record& record) {
  places_.clear();
  free_.clear();
  fill(slots_.emplace_back(), record);
}

bool Unfolded::add_read(std::string_view bytes) {
  while (const auto record = take_record(bytes)) add(*record, false);
  return bytes.empty();
}

void Unfolded::add_written(std::string_view bytes, std::span<const std::size_t> new_ones) {
  const std::size_t size = bytes.size();
  while (!bytes.empty()) {
    const std::size_t at = size - bytes.size();
    const std::optional<Record> record = take_written_record(bytes);
    if (!record) return;
    const bool is_new = !new_ones.empty() && new_ones.front() == at;
    if (is_new) new_ones = new_ones.subspan(1);
    add(*record, is_new);
  }
}

void Unfolded::clear() {
  std::deque<Slot>().swap(slots_);
  std::vector<std::size_t>().swap(free_);
  decltype(places_)().swap(places_);
}

}  // namespace postern::net
