#include "sbc/net/unfolded.hpp"

#include <algorithm>
#include <random>

namespace postern::net {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

}  // namespace

Unfolded::Unfolded() : hash_(random_seed()) {}

void Unfolded::add(const Record& record, const Place& place, bool is_new) {
  if (is_mark(record.kind)) return marks_.push_back(place);
  const auto [last, is_first] = last_.try_emplace(hash_(record.key, static_cast<std::uint64_t>(record.kind)));
  if (is_first) {
    last->second.is_new = is_new && !record.removed;
  } else if (record.removed && last->second.is_new) {
    last_.erase(last);
    return;
  }
  last->second.place = place;
}

bool Unfolded::add_read(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t begin = text.size() - rest.size();
    const auto record = take_record(rest);
    if (!record) return false;
    add(*record, {begin, text.size() - rest.size() - begin}, false);
  }
  return true;
}

bool Unfolded::add_written(std::string_view bytes, std::size_t begin, std::span<const std::size_t> new_ones) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t at = bytes.size() - rest.size();
    const auto record = take_written_record(rest);
    if (!record) return false;
    const bool is_new = !new_ones.empty() && new_ones.front() == at;
    if (is_new) new_ones = new_ones.subspan(1);
    add(*record, {begin + at, bytes.size() - rest.size() - at}, is_new);
  }
  return true;
}

std::vector<Unfolded::Place> Unfolded::places() const {
  std::vector<Place> places = marks_;
  places.reserve(marks_.size() + last_.size());
  for (const auto& [hash, last] : last_) places.push_back(last.place);
  std::ranges::sort(places, {}, &Place::begin);
  return places;
}

void Unfolded::clear() {
  constexpr std::size_t usual = 65'536;
  last_.clear();
  marks_.clear();
  if (last_.bucket_count() > usual) decltype(last_)().swap(last_);
}

}  // namespace postern::net
