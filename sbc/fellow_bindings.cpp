#include "sbc/fellow_bindings.hpp"

#include <algorithm>
#include <utility>

#include "sbc/replaced_binding.hpp"

namespace postern::sbc {

void FellowBindings::erase(const Entry& entry) {
  by_end_.erase(by_end_.iterator_to(entry));
  const auto aor = by_aor_.find(entry.aor);
  AorBindings& bindings = aor->second;
  bindings.erase(std::ranges::find(bindings, &entry, [](const Held& held) { return held.entry.get(); }));
  if (bindings.empty()) by_aor_.erase(aor);
}

FellowBindings::Held* FellowBindings::find(std::string_view aor_user, std::string_view core_contact) {
  const auto aor = by_aor_.find(hash_.of(aor_user));
  if (aor == by_aor_.end()) return nullptr;
  const std::uint64_t contact = hash_.of(core_contact);
  const auto held = std::ranges::find_if(aor->second, [&](const Held& each) {
    return each.core_contact == contact && each.entry->binding->core_contact == core_contact && each.entry->binding->aor_user == aor_user;
  });
  return held == aor->second.end() ? nullptr : &*held;
}

void FellowBindings::make_room(std::string_view aor_user) {
  const auto aor = by_aor_.find(hash_.of(aor_user));
  const Entry* least = size() < capacity_ ? nullptr : &*by_end_.begin();
  if (aor != by_aor_.end() && aor->second.size() >= bindings_an_aor_)
    least = std::ranges::min_element(aor->second, {}, &Held::expires)->entry.get();
  if (least == nullptr) return;
  erase(*least);
  ++evictions_;
}

FellowBindings::Held& FellowBindings::add(const FellowBinding& binding) {
  make_room(binding.aor_user);
  const std::uint64_t aor = hash_.of(binding.aor_user);
  Held& held = by_aor_[aor].emplace_back();
  held.entry = std::make_unique<Entry>();
  held.entry->aor = aor;
  held.core_contact = hash_.of(binding.core_contact);
  return held;
}

void FellowBindings::keep(std::shared_ptr<const FellowBinding> binding) {
  Held* held = find(binding->aor_user, binding->core_contact);
  if (held != nullptr) {
    by_end_.erase(by_end_.iterator_to(*held->entry));
  } else {
    held = &add(*binding);
  }
  held->call_id = hash_.of(binding->call_id);
  held->instance = hash_.of(binding->instance);
  held->expires = binding->expires;
  held->entry->binding = std::move(binding);
  by_end_.insert(by_end_.end(), *held->entry);
}

void FellowBindings::forget(std::string_view aor_user, std::string_view core_contact) {
  if (!core_contact.empty()) {
    if (const Held* held = find(aor_user, core_contact)) erase(*held->entry);
    return;
  }
  const auto aor = by_aor_.find(hash_.of(aor_user));
  if (aor == by_aor_.end()) return;
  std::vector<const Entry*> all;
  for (const Held& held : aor->second) {
    if (held.entry->binding->aor_user == aor_user) all.push_back(held.entry.get());
  }
  for (const Entry* entry : all) erase(*entry);
}

void FellowBindings::expire(acl::TimePoint now, std::size_t limit) {
  for (; limit > 0 && !by_end_.empty() && by_end_.begin()->ends() <= now; --limit) erase(*by_end_.begin());
}

std::optional<acl::TimePoint> FellowBindings::next_expiry() const {
  if (by_end_.empty()) return std::nullopt;
  return by_end_.begin()->ends();
}

const FellowBinding* FellowBindings::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                                 acl::TimePoint now, acl::Duration silent_for) const {
  const auto aor = by_aor_.find(hash_.of(aor_user));
  if (aor == by_aor_.end()) return nullptr;
  const std::uint64_t call = hash_.of(call_id), device = hash_.of(instance);
  ReplacedBinding<FellowBinding> replaced(call_id, instance, now, silent_for);
  for (const Held& held : aor->second) {
    if ((call_id.empty() || held.call_id != call) && (instance.empty() || held.instance != device)) continue;
    const FellowBinding& binding = *held.entry->binding;
    if (binding.aor_user != aor_user) continue;
    replaced.look_at(binding, acl::TimePoint(acl::TimePoint::duration(binding.last_heard->load(std::memory_order_relaxed))));
  }
  return replaced.found();
}

}  // namespace postern::sbc
