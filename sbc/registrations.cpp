#include "sbc/registrations.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "acl/fetch.hpp"
#include "sbc/registrations_impl.hpp"
#include "sbc/replaced_binding.hpp"

namespace postern::sbc {

Registrations::Registrations(std::size_t capacity, std::uint64_t seed) : impl_(std::make_unique<Impl>(capacity, seed)) {}
Registrations::~Registrations() = default;
Registrations::Registrations(Registrations&&) noexcept = default;
Registrations& Registrations::operator=(Registrations&&) noexcept = default;

void Registrations::tell(DurableSink& sink) { impl_->sink = &sink; }

void Registrations::reached_at(std::string core_uri_address) { impl_->core_uri_address = std::move(core_uri_address); }

Registrations::Accepted Registrations::accept(Binding&& binding) {
  const std::uint64_t aor = impl_->hash.of(binding.aor_user);
  const registered::BindingKeys keys = impl_->keys_of(binding);
  if (Impl::Node* known = impl_->find(aor, keys.core_contact, binding.aor_user, binding.core_contact)) {
    const bool moved = known->binding.flow != binding.flow;
    if (!moved) {
      if (known->is_live) binding.since = known->binding.since;
      binding.last_heard = std::max(binding.last_heard, known->fresh().last_heard);
      binding.proven = binding.proven || known->binding.proven;
    }
    const bool only_prolongs =
        !moved && known->is_live && known->binding.call_id == binding.call_id && known->binding.instance == binding.instance;
    if (moved || binding.expires < known->binding.expires) impl_->keep_trust(known->binding);
    impl_->replace(*known, std::move(binding), keys);
    if (moved) impl_->move_to_end(*known);
    impl_->keep(*known, only_prolongs ? Urgency::may_wait : Urgency::at_once);
    return {known->binding, moved};
  }
  impl_->make_room(aor);
  Impl::Node& added = impl_->add(std::move(binding), aor, keys);
  impl_->enter(added);
  if (impl_->sink != nullptr) impl_->sink->add(added.binding);
  return {added.binding, true};
}

void Registrations::expect_one_of(std::string_view aor_user) {
  impl_->expected = impl_->least_of(impl_->hash.of(aor_user));
  if (impl_->expected != nullptr) acl::fetch(impl_->expected, sizeof(Impl::Node));
}

void Registrations::expect_further() const {
  const Impl::Node* const least = impl_->expected;
  if (least == nullptr) return;
  acl::fetch(least->binding.core_contact.data(), least->binding.core_contact.size());
  if (least->flow != nullptr) acl::fetch(least->flow, sizeof *least->flow);
}

std::optional<Binding> Registrations::remove(std::string_view aor_user, std::string_view core_contact) {
  Impl::Node* known = impl_->find(impl_->hash.of(aor_user), impl_->hash.of(core_contact), aor_user, core_contact);
  if (known == nullptr) return std::nullopt;
  return impl_->forget(*known);
}

std::vector<Binding> Registrations::remove_all(std::string_view aor_user) {
  std::vector<Impl::Node*> all;
  impl_->each_of(aor_user, [](const Impl::Held& /*held*/) { return true; }, [&all](Impl::Node& node) { all.push_back(&node); });
  std::vector<Binding> removed;
  removed.reserve(all.size());
  for (Impl::Node* node : all) removed.push_back(impl_->forget(*node));
  return removed;
}

const Binding* Registrations::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance, const Flow& flow,
                                          TimePoint now, acl::Duration silent_for) const {
  ReplacedBinding<Binding, std::string_view> replaced(call_id, instance, now, silent_for);
  const std::uint64_t call = impl_->hash.of(call_id), device = impl_->hash.of(instance);
  impl_->each_of(
      aor_user,
      [&](const Impl::Held& held) {
        return (!call_id.empty() && held.keys.call_id == call) || (!instance.empty() && held.keys.instance == device);
      },
      [&](Impl::Node& node) {
        const Binding& binding = node.fresh();
        if (binding.flow != flow || !impl_->is_reached_here(binding)) replaced.look_at(binding, binding.last_heard);
      });
  return replaced.found();
}

const Binding* Registrations::held_for(std::string_view aor_user, std::string_view contact_uri, const Flow& flow, TimePoint now) const {
  const Binding* found = nullptr;
  const std::uint64_t contact = impl_->hash.of(contact_uri), key = impl_->hash(FlowKey(flow));
  impl_->each_of(
      aor_user, [&](const Impl::Held& held) { return held.keys.flow == key && held.keys.contact_uri == contact; },
      [&](const Impl::Node& node) {
        if (node.binding.expires > now && node.binding.flow == flow && node.binding.contact_uri == contact_uri) found = &node.binding;
      });
  return found;
}

std::optional<TimePoint> Registrations::retell(TimePoint after, std::size_t limit) const {
  for (auto next = impl_->live.upper_bound(after); next != impl_->live.end(); ++next) {
    if (limit == 0 && next->binding.expires != after) return after;
    if (limit > 0) --limit;
    after = next->binding.expires;
    impl_->keep(*next, Urgency::may_wait);
  }
  return std::nullopt;
}

const Binding* Registrations::by_core_contact(std::string_view core_contact) const {
  const auto found = impl_->contacts.find(impl_->hash.of(core_contact));
  Impl::Node* node = found == impl_->contacts.end() ? nullptr : found->second;
  while (node != nullptr && node->binding.core_contact != core_contact) node = node->next_of_contact;
  return node == nullptr ? nullptr : &node->fresh();
}

void Registrations::expect(const acl::Address& source) const {
  acl::fetch(&impl_->sources_at[impl_->place_of(acl::SourceKey(source).value())], 1);
}

bool Registrations::live(const Flow& flow, TimePoint now) const {
  if (!impl_->may_have_devices(acl::SourceKey(flow.peer.address).value())) return false;
  impl_->settle(now);
  const auto found = impl_->flows.find(FlowKey(flow));
  return found != impl_->flows.end() && found->second->live > 0;
}

std::optional<std::string_view> Registrations::user_over(const Flow& flow, TimePoint now) const {
  if (!live(flow, now)) return std::nullopt;
  const Impl::Node* newest = impl_->flows.find(FlowKey(flow))->second->newest;
  return newest != nullptr && newest->is_live ? std::string_view(newest->binding.aor_user) : std::string_view();
}

bool Registrations::unproven(const Flow& flow, TimePoint now) const {
  impl_->settle(now);
  const auto found = impl_->flows.find(FlowKey(flow));
  return found != impl_->flows.end() && found->second->live > 0 && found->second->proven == 0;
}

bool Registrations::refreshed_by(std::string_view aor_user, std::string_view call_id, const Flow& flow, TimePoint now) const {
  impl_->settle(now);
  bool found = false;
  const std::uint64_t key = impl_->hash(FlowKey(flow));
  impl_->each_of(
      aor_user, [key](const Impl::Held& held) { return held.keys.flow == key; },
      [&](const Impl::Node& node) {
        found =
            found || (node.is_live && FlowKey(node.binding.flow) == FlowKey(flow) && (call_id.empty() || node.binding.call_id == call_id));
      });
  return found;
}

std::size_t Registrations::devices_at(const acl::Address& address, TimePoint now) const {
  if (!impl_->may_have_devices(acl::SourceKey(address).value())) return 0;
  impl_->settle(now);
  const auto found = impl_->sources.find(acl::SourceKey(address).value());
  return found == impl_->sources.end() ? 0 : found->second;
}

bool Registrations::lives_at(std::string_view aor_user, const acl::Address& address, TimePoint now) const {
  impl_->settle(now);
  return impl_->devices.contains({acl::SourceKey(address).value(), impl_->hash.of(aor_user)});
}

void Registrations::heard(const Flow& flow, TimePoint now) {
  const auto found = impl_->flows.find(FlowKey(flow));
  if (found == impl_->flows.end()) return;
  found->second->note_heard(now);
}

std::shared_ptr<const SharedTime> Registrations::shared_last_heard(const Flow& flow) {
  const auto found = impl_->flows.find(FlowKey(flow));
  if (found == impl_->flows.end()) return std::make_shared<SharedTime>(TimePoint::min().time_since_epoch().count());
  return {found->second, &found->second->last_heard};
}

bool Registrations::silent(ListCursor& cursor, std::size_t limit, TimePoint now, acl::Duration silent_for,
                           const std::function<bool(const Binding&)>& visit) {
  return impl_->visit_places(cursor, limit, now, [&](const Impl::Node& node) {
    if (now - std::max(node.flow->heard(), node.flow->last_asked) >= silent_for && visit(node.binding)) node.flow->last_asked = now;
  });
}

bool Registrations::list(ListCursor& cursor, std::size_t limit, TimePoint now, const std::function<void(const Binding&)>& visit) const {
  return impl_->visit_places(cursor, limit, now, [&](const Impl::Node& node) { visit(node.binding); });
}

std::size_t Registrations::size() const { return impl_->size(); }
std::size_t Registrations::places() const { return impl_->nodes.size(); }
std::uint64_t Registrations::evictions() const { return impl_->evictions; }

std::optional<TimePoint> Registrations::next_expiry() const {
  const Impl::Node* node = impl_->soonest();
  return node == nullptr ? std::nullopt : std::optional(node->binding.expires);
}

std::optional<Binding> Registrations::pop_expired(TimePoint now) {
  impl_->settle(now);
  if (impl_->lapsed.empty()) return std::nullopt;
  Impl::Node& node = *impl_->lapsed.begin();
  node.fresh();
  return impl_->remove(node);
}

}  // namespace postern::sbc
