// What the registrations are kept in. Internal to them.
//
// Where there is no room, a REGISTER of a phone that was not there enters one binding and lets go of another; what that costs is memory
// that has to be waited for. So a binding is one node that stays where it is and is used again, its place in the order of ends is in it,
// and what leads to it are tables without nodes of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sbc/durable.hpp"
#include "sbc/registration_keys.hpp"
#include "sbc/registrations.hpp"

namespace postern::sbc::registered {

struct Node;

struct FlowState {
  const Node* newest = nullptr;  ///< nullptr: it has left
  SharedTime last_heard;         ///< other workers read it as well
  TimePoint last_asked;          ///< whether it is still there
  std::uint32_t bindings = 0;
  std::uint32_t live = 0;
  std::uint32_t proven = 0;  ///< of those that are live

  [[nodiscard]] TimePoint heard() const { return TimePoint(TimePoint::duration(last_heard.load(std::memory_order_relaxed))); }
  void note_heard(TimePoint when) {
    if (when > heard()) last_heard.store(when.time_since_epoch().count(), std::memory_order_relaxed);
  }
};

struct Node : InOrderOfEnds {
  std::size_t place = 0;  ///< among Nodes
  bool is_used = false;   ///< else it waits for another binding
  bool is_live = false;
  std::uint64_t aor = 0, contact = 0;  // hashes: of the AOR, of the core contact
  std::uint64_t serial = 0;
  FlowState* flow = nullptr;
  Node* next_of_contact = nullptr;
  Binding binding;

  [[nodiscard]] TimePoint ends() const { return binding.expires; }
  // Packets are noted at the flow, however many bindings it has.
  Binding& fresh() {
    binding.last_heard = std::max(binding.last_heard, flow->heard());
    return binding;
  }
};

using Order = OrderOfEnds<Node>;

/// As many as there ever were at once.
class Nodes {
 public:
  Node& take() {
    if (free_.empty()) {
      free_.push_back(all_.size());
      all_.push_back(std::make_unique<Node>());
      all_.back()->place = free_.back();
    }
    Node& node = *all_[free_.back()];
    free_.pop_back();
    node.is_used = true;
    return node;
  }
  void give_back(Node& node) {
    node.is_used = false;
    free_.push_back(node.place);
  }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] Node& at(std::size_t place) const { return *all_[place]; }

 private:
  std::vector<std::unique_ptr<Node>> all_;
  std::vector<std::size_t> free_;
};

/// What a binding is looked for by among those of its AOR, as hashes and side by side: of sixteen, those that are not meant are passed over
/// without a look at their texts, which lie here and there in memory.
struct BindingKeys {
  std::uint64_t core_contact = 0, contact_uri = 0, call_id = 0, instance = 0, flow = 0;
};
struct Held {
  Node* node = nullptr;
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

  /// `aor`, `contact`: the hashes of both.
  Node* find(std::uint64_t aor, std::uint64_t contact, std::string_view aor_user, std::string_view core_contact) {
    Node* found = nullptr;
    each_of(
        aor, aor_user, [contact](const Held& held) { return held.keys.core_contact == contact; },
        [&](Node& node) {
          if (node.binding.core_contact == core_contact) found = &node;
        });
    return found;
  }

  /// Calls `call(Node&)` for the AOR's bindings that `may_be(const Held&)`, the oldest first.
  template <class May, class F>
  void each_of(std::string_view aor_user, May&& may_be, F&& call) {
    each_of(hash.of(aor_user), aor_user, may_be, call);
  }
  template <class May, class F>
  void each_of(std::uint64_t aor, std::string_view aor_user, May&& may_be, F&& call) {
    const auto found = aors.find(aor);
    if (found == aors.end()) return;
    for (const Held& held : found->second) {
      if (may_be(held) && held.node->binding.aor_user == aor_user) call(*held.node);
    }
  }

  /// Enters what depends on the binding's flow and end.
  void enter(Node& node) {
    const Binding& binding = node.binding;
    std::shared_ptr<registered::FlowState>& state = flows[FlowKey(binding.flow)];
    if (!state) state = std::make_shared<registered::FlowState>();
    node.flow = state.get();
    registered::FlowState& flow = *state;
    flow.newest = &node;
    ++flow.bindings;
    ++flow.live;
    if (binding.proven) ++flow.proven;
    flow.note_heard(binding.last_heard);
    const std::uint64_t source = acl::SourceKey(binding.flow.peer.address).value();
    if (++devices[{source, node.aor}] == 1 && ++sources[source] == 1) count_source(source, 1);
    live.insert(live.end(), node);  // the newest ends last, most often
    node.is_live = true;
  }

  /// It counts nowhere.
  void uncount(Node& node) {
    --node.flow->live;
    if (node.binding.proven) --node.flow->proven;
    const std::uint64_t source = acl::SourceKey(node.binding.flow.peer.address).value();
    if (registered::count_down(devices, DeviceKey{source, node.aor}) && registered::count_down(sources, source)) count_source(source, -1);
    node.is_live = false;
  }

  /// No longer live, but it waits to be told of.
  void lapse(Node& node) {
    uncount(node);
    live.erase(live.iterator_to(node));
    lapsed.insert(lapsed.end(), node);
  }

  void leave(Node& node) {
    if (node.is_live) {
      uncount(node);
      live.erase(live.iterator_to(node));
    } else {
      lapsed.erase(lapsed.iterator_to(node));
    }
    if (node.flow->newest == &node) node.flow->newest = nullptr;
    if (--node.flow->bindings == 0) flows.erase(flows.find(FlowKey(node.binding.flow)));
    node.flow = nullptr;
  }

  void settle(TimePoint now) {
    while (!live.empty() && live.begin()->ends() <= now) lapse(*live.begin());
  }

  /// `aor`, `keys`: of that binding.
  Node& add(Binding&& binding, std::uint64_t aor, const registered::BindingKeys& keys) {
    Node& node = nodes.take();
    node.aor = aor;
    std::swap(node.binding, binding);
    node.serial = next_serial++;
    node.contact = keys.core_contact;
    node.next_of_contact = std::exchange(contacts[node.contact], &node);
    aors[node.aor].push_back({&node, keys, node.binding.expires});
    return node;
  }

  /// The same binding as it is now.
  void replace(Node& node, Binding&& binding, const registered::BindingKeys& keys) {
    if (node.is_live && FlowKey(node.binding.flow) == FlowKey(binding.flow)) {
      renew_in_place(node, std::move(binding));
    } else {
      leave(node);
      std::swap(node.binding, binding);
      enter(node);
    }
    Held& held = *held_of(node);
    held.keys = keys;
    held.expires = node.binding.expires;
  }

  /// Over the flow that it is live over: the state of that stays, and so does what others were given of it (shared_last_heard).
  void renew_in_place(Node& node, Binding&& binding) {
    live.erase(live.iterator_to(node));
    if (node.binding.proven) --node.flow->proven;
    std::swap(node.binding, binding);
    if (node.binding.proven) ++node.flow->proven;
    node.flow->newest = &node;
    node.flow->note_heard(node.binding.last_heard);
    live.insert(live.end(), node);
  }

  registered::AorBindings::iterator held_of(const Node& node) {
    registered::AorBindings& bindings = aors.find(node.aor)->second;
    return std::ranges::find(bindings, &node, &Held::node);
  }

  /// What its binding is stays in it until it is taken again.
  void take_off(Node& node) {
    leave(node);
    take_off_contacts(node);
    const auto aor = aors.find(node.aor);
    aor->second.erase(held_of(node));
    if (aor->second.empty()) aors.erase(aor);
    nodes.give_back(node);
  }

  Binding remove(Node& node) {
    take_off(node);
    return std::move(node.binding);
  }

  void take_off_contacts(const Node& node) {
    const auto found = contacts.find(node.contact);
    Node** at = &found->second;
    while (*at != &node) at = &(*at)->next_of_contact;
    *at = node.next_of_contact;
    if (found->second == nullptr) contacts.erase(found);
  }

  void count_source(std::uint64_t source, int step) {
    std::uint8_t& count = sources_at[place_of(source)];
    if (count != UINT8_MAX) count = static_cast<std::uint8_t>(count + step);
  }
  /// Nearly all that a flood comes from is known by this to have no device: one look at memory that stays near.
  [[nodiscard]] bool may_have_devices(std::uint64_t source) const { return sources_at[place_of(source)] != 0; }
  [[nodiscard]] std::size_t place_of(std::uint64_t source) const { return hash(source) % source_places; }

  [[nodiscard]] Node* soonest() {
    if (!lapsed.empty()) return &*lapsed.begin();
    return live.empty() ? nullptr : &*live.begin();
  }

  /// The one to give way to another of its AOR, or of anybody; nullptr: there is room.
  [[nodiscard]] Node* least_of(std::uint64_t aor) {
    const auto found = aors.find(aor);
    if (found != aors.end() && found->second.size() >= bindings_an_aor)
      return std::ranges::min_element(found->second, {}, &Held::expires)->node;
    return size() < capacity ? nullptr : soonest();
  }

  void make_room(std::uint64_t aor) {
    Node* const least = least_of(aor);
    if (least == nullptr) return;
    ++evictions;
    if (sink != nullptr) sink->forget(least->binding);
    take_off(*least);
  }

  /// Takes it off before its time.
  Binding forget(Node& node) {
    keep_trust(node.binding);
    if (sink != nullptr) sink->forget(node.binding);
    return remove(node);
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

  /// Visits what is live among the next `limit` places. Who came after the first slice has a later serial number.
  template <class F>
  bool visit_places(ListCursor& cursor, std::size_t limit, TimePoint now, F&& visit) const {
    if (!cursor.end) cursor.end = next_serial;
    for (; limit > 0 && cursor.next < nodes.size(); ++cursor.next, --limit) {
      const Node& node = nodes.at(cursor.next);
      if (node.is_used && node.serial < *cursor.end && node.binding.expires > now) visit(node);
    }
    return cursor.next < nodes.size();
  }

  std::size_t capacity;
  std::uint64_t evictions = 0;
  std::uint64_t next_serial = 0;
  RegistrationHash hash;
  registered::Nodes nodes;
  HashTable<std::uint64_t, registered::AorBindings> aors;  // oldest first
  HashTable<std::uint64_t, Node*> contacts;                // the first of those with that hash
  HashTable<FlowKey, std::shared_ptr<registered::FlowState>> flows;
  HashTable<DeviceKey, std::uint32_t> devices;          // live bindings
  HashTable<std::uint64_t, std::uint32_t> sources;      // devices with live bindings
  static constexpr std::size_t source_places = 65'536;  // so many octets as stay in a processor's own cache
  // How many of `sources` fall on each place; from 255 on nobody knows.
  std::vector<std::uint8_t> sources_at = std::vector<std::uint8_t>(source_places);
  registered::Order live, lapsed;  // behind what owns their nodes: these go first
  const Node* expected = nullptr;  // nodes stay where they are, whatever becomes of their bindings
  DurableSink* sink = nullptr;
  std::string core_uri_address;  // empty: any

  [[nodiscard]] bool is_reached_here(const Binding& binding) const {
    const std::string_view contact = binding.core_contact;
    return core_uri_address.empty() || contact.substr(contact.rfind('@') + 1) == core_uri_address;
  }
};

}  // namespace postern::sbc
