#include "sbc/registrations.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sbc/durable.hpp"
#include "sbc/registration_keys.hpp"
#include "sbc/replaced_binding.hpp"

namespace postern::sbc {
namespace {

struct Node;
using Order = std::multimap<TimePoint, Node*>;

struct FlowState {
  const Node* newest = nullptr;  ///< nullptr: it has left
  TimePoint last_heard;
  TimePoint last_asked;  ///< whether it is still there
  std::uint32_t bindings = 0;
  std::uint32_t live = 0;
  std::uint32_t proven = 0;                       ///< of those that are live
  std::shared_ptr<SharedTime> shared_last_heard;  ///< nullptr: nobody else asks
};
using Flows = std::unordered_map<FlowKey, FlowState, RegistrationHash>;

struct Node {
  Binding binding;
  std::uint64_t aor = 0;  // hashes
  std::uint64_t contact = 0;
  std::uint64_t serial = 0;
  Flows::value_type* flow = nullptr;
  Order::iterator order;  // in `live` or `lapsed`
  bool is_live = false;

  // Packets are noted at the flow, however many bindings it has.
  Binding& fresh() {
    binding.last_heard = std::max(binding.last_heard, flow->second.last_heard);
    return binding;
  }
};
using Nodes = std::vector<std::unique_ptr<Node>>;

/// Takes one off the count of `key`; true: that was the last, and the entry is gone.
template <class Counts, class Key>
bool count_down(Counts& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found == counts.end() || --found->second > 0) return false;
  counts.erase(found);
  return true;
}

}  // namespace

struct Registrations::Impl {
  Impl(std::size_t most, std::uint64_t seed)
      : capacity(std::max<std::size_t>(most, 1)),
        hash(seed),
        aors(0, hash),
        contacts(0, hash),
        flows(0, hash),
        devices(0, hash),
        sources(0, hash) {}

  [[nodiscard]] std::size_t size() const { return live.size() + lapsed.size(); }

  Node* find(std::string_view aor_user, std::string_view core_contact) {
    const auto found = aors.find(hash.of(aor_user));
    if (found == aors.end()) return nullptr;
    for (const auto& node : found->second) {
      if (node->binding.core_contact == core_contact && node->binding.aor_user == aor_user) return node.get();
    }
    return nullptr;
  }

  template <class F>
  void each_of(std::string_view aor_user, F&& call) {
    const auto found = aors.find(hash.of(aor_user));
    if (found == aors.end()) return;
    for (const auto& node : found->second) {
      if (node->binding.aor_user == aor_user) call(*node);
    }
  }

  /// Enters what depends on the binding's flow and end.
  void enter(Node& node) {
    const Binding& binding = node.binding;
    node.flow = &*flows.try_emplace(FlowKey(binding.flow)).first;
    FlowState& flow = node.flow->second;
    flow.newest = &node;
    ++flow.bindings;
    ++flow.live;
    if (binding.proven) ++flow.proven;
    flow.last_heard = std::max(flow.last_heard, binding.last_heard);
    const std::uint64_t source = acl::SourceKey(binding.flow.peer.address).value();
    if (++devices[{source, node.aor}] == 1 && ++sources[source] == 1) ++sources_at[place_of(source)];
    node.order = live.emplace(binding.expires, &node);
    node.is_live = true;
  }

  /// No longer live: it counts nowhere, but waits to be told of.
  void lapse(Node& node) {
    --node.flow->second.live;
    if (node.binding.proven) --node.flow->second.proven;
    const std::uint64_t source = acl::SourceKey(node.binding.flow.peer.address).value();
    if (count_down(devices, DeviceKey{source, node.aor}) && count_down(sources, source)) --sources_at[place_of(source)];
    node.order = lapsed.insert(live.extract(node.order));
    node.is_live = false;
  }

  void leave(Node& node) {
    if (node.is_live) lapse(node);
    lapsed.erase(node.order);
    if (node.flow->second.newest == &node) node.flow->second.newest = nullptr;
    if (--node.flow->second.bindings == 0) flows.erase(flows.find(FlowKey(node.binding.flow)));
    node.flow = nullptr;
  }

  void settle(TimePoint now) {
    while (!live.empty() && live.begin()->first <= now) lapse(*live.begin()->second);
  }

  Node& add(Binding&& binding) {
    auto node = std::make_unique<Node>();
    node->aor = hash.of(binding.aor_user);
    node->contact = hash.of(binding.core_contact);
    node->binding = std::move(binding);
    node->serial = next_serial++;
    serials.emplace(node->serial, node.get());
    contacts.emplace(node->contact, node.get());
    Nodes& nodes = aors[node->aor];
    nodes.push_back(std::move(node));
    return *nodes.back();
  }

  Binding remove(Node& node) {
    leave(node);
    serials.erase(node.serial);
    const auto [first, last] = contacts.equal_range(node.contact);
    contacts.erase(std::find_if(first, last, [&node](const auto& entry) { return entry.second == &node; }));
    Binding binding = std::move(node.binding);
    const auto aor = aors.find(node.aor);
    std::erase_if(aor->second, [&node](const auto& other) { return other.get() == &node; });
    if (aor->second.empty()) aors.erase(aor);
    return binding;
  }

  /// Nearly all that a flood comes from is known by this to have no device: one look at memory that stays near.
  [[nodiscard]] bool may_have_devices(std::uint64_t source) const { return sources_at[place_of(source)] != 0; }
  [[nodiscard]] std::size_t place_of(std::uint64_t source) const { return hash(source) % source_places; }

  [[nodiscard]] Node* soonest() const {
    if (!lapsed.empty()) return lapsed.begin()->second;
    return live.empty() ? nullptr : live.begin()->second;
  }

  void make_room(std::string_view aor_user) {
    std::size_t count = 0;
    Node* least = nullptr;
    each_of(aor_user, [&](Node& node) {
      ++count;
      if (least == nullptr || node.binding.expires < least->binding.expires) least = &node;
    });
    if (count < bindings_an_aor) least = size() < capacity ? nullptr : soonest();
    if (least == nullptr) return;
    const Binding binding = evict(*least);
    ++evictions;
    if (evicted) evicted(binding);
  }

  /// Takes it off before its time.
  Binding forget(Node& node) {
    keep_trust(node.binding);
    return evict(node);
  }

  Binding evict(Node& node) {
    Binding binding = remove(node);
    if (sink != nullptr) sink->forget(binding);
    return binding;
  }

  /// What a binding granted outlives it.
  void keep_trust(const Binding& binding) const {
    if (sink != nullptr) sink->keep(DurableTrust{binding.flow.peer.address, binding.expires}, Urgency::at_once);
  }

  void keep(const Node& node, Urgency urgency) const {
    if (sink != nullptr) sink->keep(node.binding, urgency);
  }

  void move_to_end(const Node& node) {
    Nodes& nodes = aors.find(node.aor)->second;
    const auto at = std::find_if(nodes.begin(), nodes.end(), [&node](const auto& other) { return other.get() == &node; });
    std::rotate(at, at + 1, nodes.end());
  }

  std::size_t capacity;
  std::uint64_t evictions = 0;
  std::uint64_t next_serial = 0;
  RegistrationHash hash;
  std::unordered_map<std::uint64_t, Nodes, RegistrationHash> aors;  // owns; oldest first
  std::unordered_multimap<std::uint64_t, Node*, RegistrationHash> contacts;
  Flows flows;
  std::unordered_map<DeviceKey, std::uint32_t, RegistrationHash> devices;      // live bindings
  std::unordered_map<std::uint64_t, std::uint32_t, RegistrationHash> sources;  // devices with live bindings
  static constexpr std::size_t source_places = 16'384;
  std::vector<std::uint32_t> sources_at = std::vector<std::uint32_t>(source_places);  // how many of `sources` fall on each place
  Order live, lapsed;
  std::map<std::uint64_t, Node*> serials;
  DurableSink* sink = nullptr;
  std::function<void(const Binding&)> evicted;
  std::string core_uri_address;  // empty: any

  [[nodiscard]] bool is_reached_here(const Binding& binding) const {
    const std::string_view contact = binding.core_contact;
    return core_uri_address.empty() || contact.substr(contact.rfind('@') + 1) == core_uri_address;
  }
};

Registrations::Registrations(std::size_t capacity, std::uint64_t seed) : impl_(std::make_unique<Impl>(capacity, seed)) {}
Registrations::~Registrations() = default;
Registrations::Registrations(Registrations&&) noexcept = default;
Registrations& Registrations::operator=(Registrations&&) noexcept = default;

void Registrations::tell(DurableSink& sink) { impl_->sink = &sink; }

void Registrations::tell_evicted(std::function<void(const Binding&)> evicted) { impl_->evicted = std::move(evicted); }

void Registrations::reached_at(std::string core_uri_address) { impl_->core_uri_address = std::move(core_uri_address); }

bool Registrations::accept(Binding binding) {
  if (Node* known = impl_->find(binding.aor_user, binding.core_contact)) {
    const bool moved = known->binding.flow != binding.flow;
    if (!moved) {
      if (known->is_live) binding.since = known->binding.since;
      binding.last_heard = std::max(binding.last_heard, known->fresh().last_heard);
      binding.proven = binding.proven || known->binding.proven;
    }
    const bool prolonged =
        !moved && known->is_live && known->binding.call_id == binding.call_id && known->binding.instance == binding.instance;
    if (moved || binding.expires < known->binding.expires) impl_->keep_trust(known->binding);
    impl_->leave(*known);
    known->binding = std::move(binding);
    impl_->enter(*known);
    if (moved) impl_->move_to_end(*known);
    impl_->keep(*known, prolonged ? Urgency::may_wait : Urgency::at_once);
    return moved;
  }
  impl_->make_room(binding.aor_user);
  Node& added = impl_->add(std::move(binding));
  impl_->enter(added);
  impl_->keep(added, Urgency::at_once);
  return true;
}

std::optional<Binding> Registrations::remove(std::string_view aor_user, std::string_view core_contact) {
  Node* known = impl_->find(aor_user, core_contact);
  if (known == nullptr) return std::nullopt;
  return impl_->forget(*known);
}

std::vector<Binding> Registrations::remove_all(std::string_view aor_user) {
  std::vector<Node*> all;
  impl_->each_of(aor_user, [&all](Node& node) { all.push_back(&node); });
  std::vector<Binding> removed;
  removed.reserve(all.size());
  for (Node* node : all) removed.push_back(impl_->forget(*node));
  return removed;
}

const Binding* Registrations::replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance, const Flow& flow,
                                          TimePoint now, acl::Duration silent_for) const {
  ReplacedBinding<Binding> replaced(call_id, instance, now, silent_for);
  impl_->each_of(aor_user, [&](Node& node) {
    const Binding& binding = node.fresh();
    if (binding.flow != flow || !impl_->is_reached_here(binding)) replaced.look_at(binding, binding.last_heard);
  });
  return replaced.found();
}

const Binding* Registrations::held_for(std::string_view aor_user, std::string_view contact_uri, const Flow& flow, TimePoint now) const {
  const Binding* found = nullptr;
  impl_->each_of(aor_user, [&](const Node& node) {
    if (node.binding.expires > now && node.binding.flow == flow && node.binding.contact_uri == contact_uri) found = &node.binding;
  });
  return found;
}

std::optional<TimePoint> Registrations::retell(TimePoint after, std::size_t limit) const {
  for (auto next = impl_->live.upper_bound(after); next != impl_->live.end(); ++next) {
    if (limit == 0 && next->first != after) return after;
    if (limit > 0) --limit;
    after = next->first;
    impl_->keep(*next->second, Urgency::may_wait);
  }
  return std::nullopt;
}

const Binding* Registrations::by_core_contact(std::string_view core_contact) const {
  const auto [first, last] = impl_->contacts.equal_range(impl_->hash.of(core_contact));
  const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second->binding.core_contact == core_contact; });
  return found == last ? nullptr : &found->second->fresh();
}

void Registrations::expect(const acl::Address& source) const {
  __builtin_prefetch(&impl_->sources_at[impl_->place_of(acl::SourceKey(source).value())]);
}

bool Registrations::live(const Flow& flow, TimePoint now) const {
  if (!impl_->may_have_devices(acl::SourceKey(flow.peer.address).value())) return false;
  impl_->settle(now);
  const auto found = impl_->flows.find(FlowKey(flow));
  return found != impl_->flows.end() && found->second.live > 0;
}

std::optional<std::string_view> Registrations::user_over(const Flow& flow, TimePoint now) const {
  if (!live(flow, now)) return std::nullopt;
  const Node* newest = impl_->flows.find(FlowKey(flow))->second.newest;
  return newest != nullptr && newest->is_live ? std::string_view(newest->binding.aor_user) : std::string_view();
}

bool Registrations::unproven(const Flow& flow, TimePoint now) const {
  impl_->settle(now);
  const auto found = impl_->flows.find(FlowKey(flow));
  return found != impl_->flows.end() && found->second.live > 0 && found->second.proven == 0;
}

bool Registrations::refreshed_by(std::string_view aor_user, std::string_view call_id, const Flow& flow, TimePoint now) const {
  impl_->settle(now);
  bool found = false;
  impl_->each_of(aor_user, [&](const Node& node) {
    found = found || (node.is_live && FlowKey(node.binding.flow) == FlowKey(flow) && (call_id.empty() || node.binding.call_id == call_id));
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
  FlowState& state = found->second;
  state.last_heard = std::max(state.last_heard, now);
  if (state.shared_last_heard) state.shared_last_heard->store(state.last_heard.time_since_epoch().count(), std::memory_order_relaxed);
}

std::shared_ptr<const SharedTime> Registrations::shared_last_heard(const Flow& flow) {
  const auto found = impl_->flows.find(FlowKey(flow));
  if (found == impl_->flows.end()) return std::make_shared<SharedTime>(TimePoint::min().time_since_epoch().count());
  FlowState& state = found->second;
  if (!state.shared_last_heard) state.shared_last_heard = std::make_shared<SharedTime>();
  state.shared_last_heard->store(state.last_heard.time_since_epoch().count(), std::memory_order_relaxed);
  return state.shared_last_heard;
}

bool Registrations::silent(ListCursor& cursor, std::size_t limit, TimePoint now, acl::Duration silent_for,
                           const std::function<bool(const Binding&)>& visit) {
  return next_slice(impl_->serials, impl_->next_serial, cursor, limit, [&](const Node* node) {
    FlowState& flow = node->flow->second;
    if (node->binding.expires <= now || now - std::max(flow.last_heard, flow.last_asked) < silent_for) return;
    if (visit(node->binding)) flow.last_asked = now;
  });
}

bool Registrations::list(ListCursor& cursor, std::size_t limit, TimePoint now, const std::function<void(const Binding&)>& visit) const {
  return next_slice(impl_->serials, impl_->next_serial, cursor, limit, [&](const Node* node) {
    if (node->binding.expires > now) visit(node->binding);
  });
}

std::size_t Registrations::size() const { return impl_->size(); }
std::uint64_t Registrations::evictions() const { return impl_->evictions; }

std::optional<TimePoint> Registrations::next_expiry() const {
  const Node* node = impl_->soonest();
  return node == nullptr ? std::nullopt : std::optional(node->binding.expires);
}

std::optional<Binding> Registrations::pop_expired(TimePoint now) {
  impl_->settle(now);
  if (impl_->lapsed.empty()) return std::nullopt;
  impl_->lapsed.begin()->second->fresh();
  return impl_->remove(*impl_->lapsed.begin()->second);
}

}  // namespace postern::sbc
