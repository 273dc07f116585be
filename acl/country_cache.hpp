// Which country the last networks were in: the database costs as much as reading a message does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "acl/address.hpp"
#include "acl/geo.hpp"
#include "acl/options.hpp"

namespace postern::acl {

/// Holds some thousand IPv4 /24 and IPv6 /48, where the database tells no parts of them apart; two that fall on one place push each other
/// out. One a worker.
class CountryCache {
 public:
  /// As geo.country(address); `geo` is the same until clear().
  Country of(const Geo& geo, const Address& address) {
    const Address block = block_of(address);
    Entry& entry = entries_[place_of(block)];
    if (entry.known && entry.block == block) return entry.country;
    const Located located = geo.locate(address);
    if (located.bits <= bits_of_block(address)) entry = {block, located.country, true};
    return located.country;
  }
  void clear() { entries_.assign(places, {}); }

 private:
  static constexpr unsigned place_bits = 12;
  static constexpr std::size_t places = std::size_t{1} << place_bits;

  static unsigned bits_of_block(const Address& address) { return address.is_v4() ? 120 : 48; }
  static Address block_of(const Address& address) {
    Address::Bytes bytes = address.bytes();
    std::memset(bytes.data() + bits_of_block(address) / 8, 0, bytes.size() - bits_of_block(address) / 8);
    return Address::v6(bytes);
  }
  static std::size_t place_of(const Address& block) {
    std::array<std::uint64_t, 2> halves{};
    static_assert(sizeof halves == sizeof(Address::Bytes));
    std::memcpy(halves.data(), block.bytes().data(), sizeof halves);
    return ((halves[0] * 31 + halves[1]) * 0x9e3779b97f4a7c15ULL) >> (64 - place_bits);
  }

  struct Entry {
    Address block;
    Country country;
    bool known = false;
  };
  std::vector<Entry> entries_ = std::vector<Entry>(places);
};

}  // namespace postern::acl
