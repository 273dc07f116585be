// One number dialled under many prefixes: somebody looks for a way out.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "acl/bounded_table.hpp"
#include "acl/keyed_hash.hpp"
#include "acl/rate.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// Whoever has got hold of a password and does not know the dial plan tries 00, 900, 9011 and so on before the same number, until one is
/// put through; people who mistype a number do not. Bounded; allocates nothing but the table's growth.
class PrefixWalks {
 public:
  static constexpr std::size_t number_digits = 7;  ///< numbers whose last so many digits are equal are the same
  static constexpr std::size_t most_prefixes = 4;
  static constexpr std::chrono::minutes window{10};

  PrefixWalks(std::size_t capacity, std::uint64_t seed) : hash_(seed), table_(capacity, seed) {}

  /// A number (as acl::DialledNumber has it) that this device dialled from this source was refused or could not be reached. What is proven
  /// and what is not are counted apart. True: that was the fourth prefix within ten minutes; the count begins anew.
  bool refused(std::string_view device, std::uint64_t source, std::string_view number, bool proven, TimePoint now) {
    if (number.size() < number_digits) return false;
    const std::string_view last = number.substr(number.size() - number_digits);
    if (!std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; })) return false;
    const std::uint64_t key = hash_(device, hash_(last, hash_(source) + (proven ? 1 : 0)));
    const std::uint64_t prefix = hash_(number.substr(0, number.size() - number_digits));
    Walk* walk = table_.touch(key, now);
    if (walk == nullptr) walk = table_.add(key, {}, now, acl::Worth::most());
    if (walk->count == 0 || now - walk->begin > window) *walk = {{}, 0, now};
    const auto end = walk->prefixes.begin() + walk->count;
    if (std::find(walk->prefixes.begin(), end, prefix) != end) return false;
    if (walk->count + 1U == most_prefixes) {
      walk->count = 0;
      return true;
    }
    walk->prefixes[walk->count++] = prefix;
    return false;
  }
  [[nodiscard]] std::uint64_t evictions() const { return table_.evictions(); }

 private:
  struct Walk {
    std::array<std::uint64_t, most_prefixes - 1> prefixes{};
    std::uint8_t count = 0;
    TimePoint begin;
  };
  struct Oldest {
    static acl::Worth worth(const Walk& /*walk*/, std::uint32_t idle_ticks, TimePoint /*now*/) { return {0, -std::int64_t{idle_ticks}}; }
  };

  acl::KeyedHash hash_;
  acl::BoundedTable<Walk, Oldest> table_;
};

}  // namespace postern::sbc
