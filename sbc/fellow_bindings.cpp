#include "sbc/fellow_bindings.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "sbc/registration_keys.hpp"
#include "sbc/replaced_binding.hpp"

namespace postern::sbc {

struct FellowBindings::Impl {
  struct Entry : InOrderOfEnds {
    std::shared_ptr<const FellowBinding> binding;
    std::uint64_t aor = 0;  // a hash
    [[nodiscard]] acl::TimePoint ends() const { return binding->expires; }
  };
  /// What it is looked for by, as hashes and side by side: what it is lies here and there in memory.
  struct Held {
    std::unique_ptr<Entry> entry;
    std::uint64_t core_contact = 0, call_id = 0, instance = 0;
    acl::TimePoint expires;
  };
  using AorBindings = std::vector<Held>;  // the newest last

  Impl(std::size_t most, std::size_t most_an_aor, std::uint64_t seed)
      : capacity(most), bindings_an_aor(most_an_aor), hash(seed), by_aor(0, hash) {}

  /// Returns it, so that its memory may be used again.
  std::unique_ptr<Entry> take_off(const Entry& entry) {
    by_end.erase(by_end.iterator_to(entry));
    const auto aor = by_aor.find(entry.aor);
    AorBindings& bindings = aor->second;
    const auto held = std::ranges::find(bindings, &entry, [](const Held& each) { return each.entry.get(); });
    std::unique_ptr<Entry> taken = std::move(held->entry);
    bindings.erase(held);
    if (bindings.empty()) by_aor.erase(aor);
    return taken;
  }

  /// nullptr: it is not there. Hashes of 64 bits with a secret: another one of an AOR with the same does not come.
  Held* find(std::uint64_t aor, std::uint64_t core_contact) {
    const auto found = by_aor.find(aor);
    if (found == by_aor.end()) return nullptr;
    const auto held = std::ranges::find(found->second, core_contact, &Held::core_contact);
    return held == found->second.end() ? nullptr : &*held;
  }

  /// For one more of that AOR: the place of the one that had to go, or a new one.
  std::unique_ptr<Entry> make_room(std::uint64_t aor) {
    const auto found = by_aor.find(aor);
    const Entry* least = by_end.size() < capacity ? nullptr : &*by_end.begin();
    if (found != by_aor.end() && found->second.size() >= bindings_an_aor)
      least = std::ranges::min_element(found->second, {}, &Held::expires)->entry.get();
    if (least == nullptr) return std::make_unique<Entry>();
    ++evictions;
    return take_off(*least);
  }

  /// Without what may change of it.
  Held& add(std::uint64_t aor, std::uint64_t core_contact) {
    std::unique_ptr<Entry> entry = make_room(aor);
    entry->aor = aor;
    Held& held = by_aor[aor].emplace_back();
    held.entry = std::move(entry);
    held.core_contact = core_contact;
    return held;
  }

  std::size_t capacity, bindings_an_aor;
  std::uint64_t evictions = 0;
  RegistrationHash hash;
  HashTable<std::uint64_t, AorBindings> by_aor;  // owns
  OrderOfEnds<Entry> by_end;                     // behind what owns its nodes: it goes first
};

FellowBindings::FellowBindings(std::size_t capacity, std::size_t bindings_an_aor, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(capacity, bindings_an_aor, seed)) {}
FellowBindings::~FellowBindings() = default;

std::uint64_t FellowBindings::key_of(std::string_view text) const { return text.empty() ? 0 : impl_->hash.of(text); }

std::size_t FellowBindings::size() const { return impl_->by_end.size(); }
std::uint64_t FellowBindings::evictions() const { return impl_->evictions; }

void FellowBindings::keep(std::shared_ptr<const FellowBinding> binding) {
  const std::uint64_t aor = impl_->hash.of(binding->aor_user), core_contact = impl_->hash.of(binding->core_contact);
  Impl::Held* held = impl_->find(aor, core_contact);
  if (held != nullptr) {
    impl_->by_end.erase(impl_->by_end.iterator_to(*held->entry));
  } else {
    held = &impl_->add(aor, core_contact);
  }
  held->call_id = binding->call_id;
  held->instance = binding->instance;
  held->expires = binding->expires;
  held->entry->binding = std::move(binding);
  impl_->by_end.insert(impl_->by_end.end(), *held->entry);
}

void FellowBindings::forget(std::string_view aor_user, std::string_view core_contact) {
  const std::uint64_t key = impl_->hash.of(aor_user);
  if (!core_contact.empty()) {
    if (const Impl::Held* held = impl_->find(key, impl_->hash.of(core_contact))) impl_->take_off(*held->entry);
    return;
  }
  const auto aor = impl_->by_aor.find(key);
  if (aor == impl_->by_aor.end()) return;
  std::vector<const Impl::Entry*> all;
  for (const Impl::Held& held : aor->second) {
    if (held.entry->binding->aor_user == aor_user) all.push_back(held.entry.get());
  }
  for (const Impl::Entry* entry : all) impl_->take_off(*entry);
}

void FellowBindings::expire(acl::TimePoint now, std::size_t limit) {
  for (; limit > 0 && !impl_->by_end.empty() && impl_->by_end.begin()->ends() <= now; --limit) impl_->take_off(*impl_->by_end.begin());
}

std::optional<acl::TimePoint> FellowBindings::next_expiry() const {
  if (impl_->by_end.empty()) return std::nullopt;
  return impl_->by_end.begin()->ends();
}

const FellowBinding* FellowBindings::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                                 acl::TimePoint now, acl::Duration silent_for) const {
  const auto aor = impl_->by_aor.find(impl_->hash.of(aor_user));
  if (aor == impl_->by_aor.end()) return nullptr;
  const std::uint64_t call = key_of(call_id), device = key_of(instance);
  ReplacedBinding<FellowBinding, std::uint64_t> replaced(call, device, now, silent_for);
  for (const Impl::Held& held : aor->second) {
    if ((call == 0 || held.call_id != call) && (device == 0 || held.instance != device)) continue;
    const FellowBinding& binding = *held.entry->binding;
    if (binding.aor_user != aor_user) continue;
    replaced.look_at(binding, acl::TimePoint(acl::TimePoint::duration(binding.last_heard->load(std::memory_order_relaxed))));
  }
  return replaced.found();
}

}  // namespace postern::sbc
