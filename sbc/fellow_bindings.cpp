#include "sbc/fellow_bindings.hpp"

#include <utility>

namespace postern::sbc {

void FellowBindings::erase(ByAor::iterator entry) {
  by_end_.erase(entry->second.end);
  by_aor_.erase(entry);
}

void FellowBindings::keep(FellowBinding binding, acl::TimePoint now) {
  forget(binding.aor_user, binding.core_contact);
  // Those that have ended go as others come: more of them a time than come.
  for (int i = 0; i < ended_a_turn && !by_end_.empty() && (by_end_.begin()->first <= now || by_aor_.size() >= capacity_); ++i)
    erase(by_end_.begin()->second);
  const auto entry = by_aor_.emplace(binding.aor_user, Entry{});
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

const FellowBinding* FellowBindings::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                                 acl::TimePoint now, acl::Duration silent_for) const {
  const FellowBinding* by_instance = nullptr;
  const auto [first, last] = by_aor_.equal_range(aor_user);
  for (auto entry = first; entry != last; ++entry) {
    const FellowBinding& binding = entry->second.binding;
    if (binding.expires <= now) continue;
    if (!call_id.empty() && binding.call_id == call_id) return &binding;
    const acl::TimePoint heard(acl::TimePoint::duration(binding.last_heard->load(std::memory_order_relaxed)));
    if (!instance.empty() && binding.instance == instance && now - heard >= silent_for) by_instance = &binding;
  }
  return by_instance;
}

}  // namespace postern::sbc
