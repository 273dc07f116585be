// What the registrations are kept in. Internal to them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sbc/durable.hpp"
#include "sbc/registration_keys.hpp"
#include "sbc/registrations.hpp"

namespace postern::sbc::registered {

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
  std::uint64_t aor = 0;  // a hash
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

/// What a binding is looked for by among those of its AOR, as hashes and side by side: of sixteen, those that are not meant are passed over
/// without a look at their texts, which lie here and there in memory.
struct BindingKeys {
  std::uint64_t core_contact = 0, contact_uri = 0, call_id = 0, instance = 0, flow = 0;
};
struct Held {
  std::unique_ptr<Node> node;
  BindingKeys keys;
  TimePoint expires;
};
using AorBindings = std::vector<Held>;

/// Takes one off the count of `key`; true: that was the last, and the entry is gone.
template <class Counts, class Key>
bool count_down(Counts& counts, const Key& key) {
  const auto found = counts.find(key);
  if (found == counts.end() || --found->second > 0) return false;
  counts.erase(found);
  return true;
}

}  // namespace postern::sbc::registered

namespace postern::sbc {

struct Registrations::Impl {
  using Node = registered::Node;
  using Held = registered::Held;

  Impl(std::size_t most, std::uint64_t seed)
      : capacity(std::max<std::size_t>(most, 1)),
        hash(seed),
        aors(0, hash),
        contacts(0, hash),
        flows(0, hash),
        devices(0, hash),
        sources(0, hash) {}

  [[nodiscard]] std::size_t size() const { return live.size() + lapsed.size(); }

  [[nodiscard]] registered::BindingKeys keys_of(const Binding& binding) const {
    return {hash.of(binding.core_contact), hash.of(binding.contact_uri), hash.of(binding.call_id), hash.of(binding.instance),
            hash(FlowKey(binding.flow))};
  }

  Node* find(std::string_view aor_user, std::string_view core_contact) {
    const std::uint64_t contact = hash.of(core_contact);
    Node* found = nullptr;
    each_of(
        aor_user, [contact](const Held& held) { return held.keys.core_contact == contact; },
        [&](Node& node) {
          if (node.binding.core_contact == core_contact) found = &node;
        });
    return found;
  }

  /// Calls `call(Node&)` for the AOR's bindings that `may_be(const Held&)`, the oldest first.
  template <class May, class F>
  void each_of(std::string_view aor_user, May&& may_be, F&& call) {
    const auto found = aors.find(hash.of(aor_user));
    if (found == aors.end()) return;
    for (const Held& held : found->second) {
      if (may_be(held) && held.node->binding.aor_user == aor_user) call(*held.node);
    }
  }

  /// Enters what depends on the binding's flow and end.
  void enter(Node& node) {
    const Binding& binding = node.binding;
    node.flow = &*flows.try_emplace(FlowKey(binding.flow)).first;
    registered::FlowState& flow = node.flow->second;
    flow.newest = &node;
    ++flow.bindings;
    ++flow.live;
    if (binding.proven) ++flow.proven;
    flow.last_heard = std::max(flow.last_heard, binding.last_heard);
    const std::uint64_t source = acl::SourceKey(binding.flow.peer.address).value();
    if (++devices[{source, node.aor}] == 1 && ++sources[source] == 1) count_source(source, 1);
    node.order = live.emplace_hint(live.end(), binding.expires, &node);  // the newest ends last, most often
    node.is_live = true;
  }

  /// It counts nowhere.
  void uncount(Node& node) {
    --node.flow->second.live;
    if (node.binding.proven) --node.flow->second.proven;
    const std::uint64_t source = acl::SourceKey(node.binding.flow.peer.address).value();
    if (registered::count_down(devices, DeviceKey{source, node.aor}) && registered::count_down(sources, source)) count_source(source, -1);
    node.is_live = false;
  }

  /// No longer live, but it waits to be told of.
  void lapse(Node& node) {
    uncount(node);
    node.order = lapsed.insert(live.extract(node.order));
  }

  void leave(Node& node) {
    if (node.is_live) {
      uncount(node);
      live.erase(node.order);
    } else {
      lapsed.erase(node.order);
    }
    if (node.flow->second.newest == &node) node.flow->second.newest = nullptr;
    if (--node.flow->second.bindings == 0) flows.erase(flows.find(FlowKey(node.binding.flow)));
    node.flow = nullptr;
  }

  void settle(TimePoint now) {
    while (!live.empty() && live.begin()->first <= now) lapse(*live.begin()->second);
  }

  Node& add(Binding&& binding) {
    auto node = std::make_unique<Node>();
    const registered::BindingKeys keys = keys_of(binding);
    node->aor = hash.of(binding.aor_user);
    node->binding = std::move(binding);
    node->serial = next_serial++;
    serials.emplace_hint(serials.end(), node->serial, node.get());
    contacts.emplace(keys.core_contact, node.get());
    registered::AorBindings& bindings = aors[node->aor];
    const TimePoint expires = node->binding.expires;
    bindings.push_back({std::move(node), keys, expires});
    return *bindings.back().node;
  }

  /// The same binding as it is now.
  void replace(Node& node, Binding&& binding) {
    leave(node);
    node.binding = std::move(binding);
    Held& held = *held_of(node);
    held.keys = keys_of(node.binding);
    held.expires = node.binding.expires;
    enter(node);
  }

  registered::AorBindings::iterator held_of(const Node& node) {
    registered::AorBindings& bindings = aors.find(node.aor)->second;
    return std::ranges::find(bindings, &node, [](const Held& held) { return held.node.get(); });
  }

  Binding remove(Node& node) {
    leave(node);
    serials.erase(node.serial);
    const auto held = held_of(node);
    const auto [first, last] = contacts.equal_range(held->keys.core_contact);
    contacts.erase(std::find_if(first, last, [&node](const auto& entry) { return entry.second == &node; }));
    Binding binding = std::move(node.binding);
    const auto aor = aors.find(node.aor);
    aor->second.erase(held);
    if (aor->second.empty()) aors.erase(aor);
    return binding;
  }

  void count_source(std::uint64_t source, int step) {
    std::uint8_t& count = sources_at[place_of(source)];
    if (count != UINT8_MAX) count = static_cast<std::uint8_t>(count + step);
  }
  /// Nearly all that a flood comes from is known by this to have no device: one look at memory that stays near.
  [[nodiscard]] bool may_have_devices(std::uint64_t source) const { return sources_at[place_of(source)] != 0; }
  [[nodiscard]] std::size_t place_of(std::uint64_t source) const { return hash(source) % source_places; }

  [[nodiscard]] Node* soonest() const {
    if (!lapsed.empty()) return lapsed.begin()->second;
    return live.empty() ? nullptr : live.begin()->second;
  }

  /// The one to give way to another of its AOR, or of anybody; nullptr: there is room.
  [[nodiscard]] Node* least_of(std::string_view aor_user) const {
    const auto aor = aors.find(hash.of(aor_user));
    if (aor != aors.end() && aor->second.size() >= bindings_an_aor)
      return std::ranges::min_element(aor->second, {}, &Held::expires)->node.get();
    return size() < capacity ? nullptr : soonest();
  }

  void make_room(std::string_view aor_user) {
    Node* const least = least_of(aor_user);
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
    const auto at = held_of(node);
    std::rotate(at, at + 1, aors.find(node.aor)->second.end());
  }

  std::size_t capacity;
  std::uint64_t evictions = 0;
  std::uint64_t next_serial = 0;
  RegistrationHash hash;
  std::unordered_map<std::uint64_t, registered::AorBindings, RegistrationHash> aors;  // owns; oldest first
  std::unordered_multimap<std::uint64_t, Node*, RegistrationHash> contacts;
  registered::Flows flows;
  std::unordered_map<DeviceKey, std::uint32_t, RegistrationHash> devices;      // live bindings
  std::unordered_map<std::uint64_t, std::uint32_t, RegistrationHash> sources;  // devices with live bindings
  static constexpr std::size_t source_places = 65'536;                         // so many octets as stay in a processor's own cache
  // How many of `sources` fall on each place; from 255 on nobody knows.
  std::vector<std::uint8_t> sources_at = std::vector<std::uint8_t>(source_places);
  registered::Order live, lapsed;
  std::map<std::uint64_t, Node*> serials;
  DurableSink* sink = nullptr;
  std::function<void(const Binding&)> evicted;
  std::string core_uri_address;  // empty: any

  [[nodiscard]] bool is_reached_here(const Binding& binding) const {
    const std::string_view contact = binding.core_contact;
    return core_uri_address.empty() || contact.substr(contact.rfind('@') + 1) == core_uri_address;
  }
};

}  // namespace postern::sbc
