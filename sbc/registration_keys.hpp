// What registrations, ours and those of other workers, are found by. Internal to both.
#pragma once

#include <algorithm>
#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "acl/keyed_hash.hpp"
#include "acl/rate.hpp"
#include "sbc/flow.hpp"

namespace postern::sbc {

/// What tells a peer's flow from another's while it lasts.
struct FlowKey {
  explicit FlowKey(const Flow& flow) : peer(flow.peer), connection(flow.connection), transport(flow.transport), listener(flow.listener) {}
  bool operator==(const FlowKey&) const = default;

  Endpoint peer;
  std::uint64_t connection;
  Transport transport;
  std::uint8_t listener;
};

/// Of one source and one AOR.
struct DeviceKey {
  std::uint64_t source = 0;
  std::uint64_t aor = 0;
  bool operator==(const DeviceKey&) const = default;
};

/// Nobody without the seed can choose what collides.
class RegistrationHash {
 public:
  using is_avalanching = void;  // boost::unordered_flat_map: its bits need no more mixing

  explicit RegistrationHash(std::uint64_t seed) : keyed_(seed) {}

  std::uint64_t of(std::string_view text) const { return keyed_(text); }
  std::size_t operator()(const FlowKey& key) const {
    const std::uint64_t hash = (std::uint64_t{key.peer.port} << 16U) | (std::uint64_t{key.listener} << 8U) |
                               (static_cast<std::uint64_t>(key.transport) ^ key.connection);
    const acl::Address::Bytes& bytes = key.peer.address.bytes();
    return keyed_({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, hash);
  }
  std::size_t operator()(const DeviceKey& key) const { return keyed_(key.source ^ key.aor); }
  std::size_t operator()(std::uint64_t key) const { return keyed_(key); }

 private:
  acl::KeyedHash keyed_;
};

/// A table without nodes of its own: a look-up waits for memory once or twice. What stands in it moves when it grows, and now and then when
/// it has changed much without growing (some milliseconds for 250,000 entries, as when it grows).
template <class Key, class Value>
using HashTable = boost::unordered_flat_map<Key, Value, RegistrationHash>;

/// What stands in an OrderOfEnds. Its ends() stays while it does.
using InOrderOfEnds = boost::intrusive::set_base_hook<boost::intrusive::optimize_size<true>>;
template <class Node>
struct EndOf {
  using type = acl::TimePoint;
  type operator()(const Node& node) const { return node.ends(); }
};
/// The soonest first. Owns nothing.
template <class Node>
using OrderOfEnds = boost::intrusive::multiset<Node, boost::intrusive::key_of_value<EndOf<Node>>>;

}  // namespace postern::sbc
