#include "sbc/fellow_bindings.hpp"

#include <algorithm>
#include <utility>

#include "sbc/replaced_binding.hpp"

namespace postern::sbc {

void FellowBindings::erase(ByAor::iterator entry) {
  by_end_.erase(entry->second.end);
  by_aor_.erase(entry);
}

FellowBindings::ByAor::iterator FellowBindings::find(std::string_view aor_user, std::string_view core_contact) {
  const auto [first, last] = by_aor_.equal_range(aor_user);
  const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second.binding.core_contact == core_contact; });
  return found != last ? found : by_aor_.end();
}

void FellowBindings::make_room(std::string_view aor_user) {
  const auto [first, last] = by_aor_.equal_range(aor_user);
  std::size_t count = 0;
  auto least = by_aor_.end();
  for (auto entry = first; entry != last; ++entry) {
    ++count;
    if (least == by_aor_.end() || entry->second.binding.expires < least->second.binding.expires) least = entry;
  }
  if (count < bindings_an_aor_) least = size() < capacity_ ? by_aor_.end() : by_end_.begin()->second;
  if (least == by_aor_.end()) return;
  erase(least);
  ++evictions_;
}

void FellowBindings::keep(FellowBinding binding) {
  auto entry = find(binding.aor_user, binding.core_contact);
  if (entry != by_aor_.end()) {
    by_end_.erase(entry->second.end);
  } else {
    make_room(binding.aor_user);
    entry = by_aor_.emplace(binding.aor_user, Entry{});
  }
  entry->second.end = by_end_.emplace(binding.expires, entry);
  entry->second.binding = std::move(binding);
}

void FellowBindings::forget(std::string_view aor_user, std::string_view core_contact) {
  auto [entry, last] = by_aor_.equal_range(aor_user);
  while (entry != last) {
    const auto each = entry++;
    if (core_contact.empty() || each->second.binding.core_contact == core_contact) erase(each);
  }
}

void FellowBindings::expire(acl::TimePoint now, std::size_t limit) {
  for (; limit > 0 && !by_end_.empty() && by_end_.begin()->first <= now; --limit) erase(by_end_.begin()->second);
}

std::optional<acl::TimePoint> FellowBindings::next_expiry() const {
  if (by_end_.empty()) return std::nullopt;
  return by_end_.begin()->first;
}

const FellowBinding* FellowBindings::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                                 acl::TimePoint now, acl::Duration silent_for) const {
  ReplacedBinding<FellowBinding> replaced(call_id, instance, now, silent_for);
  const auto [first, last] = by_aor_.equal_range(aor_user);
  for (auto entry = first; entry != last; ++entry) {
    const FellowBinding& binding = entry->second.binding;
    replaced.look_at(binding, acl::TimePoint(acl::TimePoint::duration(binding.last_heard->load(std::memory_order_relaxed))));
  }
  return replaced.found();
}

}  // namespace postern::sbc
