// Longest-prefix match over many networks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/address.hpp"

namespace postern::acl {

/// Immutable map from networks to a small value; the most specific network decides. Built once,
/// flattened into sorted disjoint ranges: a look-up is one binary search, an IPv4 range costs 8 bytes.
class NetworkMap {
 public:
  /// The one value that an entry cannot have.
  static constexpr std::uint32_t no_value = UINT32_MAX;

  struct Entry {
    Network network;
    std::uint32_t value = 0;
  };

  NetworkMap() = default;
  /// Of two entries for the same network the later wins. O(n log n).
  explicit NetworkMap(const std::vector<Entry>& entries);

  /// The value of the most specific network that holds the address, if any does.
  [[nodiscard]] std::optional<std::uint32_t> find(const Address& address) const;
  [[nodiscard]] bool empty() const;

 private:
  // Each range ends where the next begins; a gap between networks is a range of no_value.
  struct Range4 {
    std::uint32_t first;
    std::uint32_t value;
  };
  struct Range6 {
    Address::Bytes first;
    std::uint32_t value;
  };
  std::vector<Range4> v4_;
  std::vector<Range6> v6_;
};

/// A set of networks.
class NetworkSet {
 public:
  NetworkSet() = default;
  explicit NetworkSet(std::span<const Network> networks);
  [[nodiscard]] bool contains(const Address& address) const { return map_.find(address).has_value(); }
  [[nodiscard]] bool empty() const { return map_.empty(); }

 private:
  NetworkMap map_;
};

struct NetworkList {
  std::vector<Network> networks;
  struct Problem {
    int line = 0;        ///< 1-based
    bool fatal = false;  ///< false: host bits set, masked
    std::string message;
  };
  std::vector<Problem> problems;
};

/// A list file's text: one CIDR or address a line, `#` starts a comment, blank lines and CRLF are fine.
NetworkList parse_network_list(std::string_view text);

}  // namespace postern::acl
