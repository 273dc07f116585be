// Which country the last sources were in: the database costs as much as reading a message does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "acl/address.hpp"
#include "acl/geo.hpp"
#include "acl/options.hpp"

namespace postern::sbc {

/// Holds some thousand addresses; two that fall on one place push each other out. One a worker.
class CountryCache {
 public:
  /// As geo.country(address); `geo` is the same until clear().
  acl::Country of(const acl::Geo& geo, const acl::Address& address) {
    Entry& entry = entries_[place_of(address)];
    if (!entry.known || entry.address != address) entry = {address, geo.country(address), true};
    return entry.country;
  }
  void clear() { entries_.assign(places, {}); }

 private:
  static constexpr unsigned place_bits = 12;
  static constexpr std::size_t places = std::size_t{1} << place_bits;
  static std::size_t place_of(const acl::Address& address) {
    std::array<std::uint64_t, 2> halves{};
    static_assert(sizeof halves == sizeof(acl::Address::Bytes));
    std::memcpy(halves.data(), address.bytes().data(), sizeof halves);
    return ((halves[0] * 31 + halves[1]) * 0x9e3779b97f4a7c15ULL) >> (64 - place_bits);
  }
  struct Entry {
    acl::Address address;
    acl::Country country;
    bool known = false;
  };
  std::vector<Entry> entries_ = std::vector<Entry>(places);
};

}  // namespace postern::sbc
