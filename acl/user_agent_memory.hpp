// What the pattern sets say of the last User-Agents: a flood writes one, and phones write few.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "acl/keyed_hash.hpp"

namespace postern::acl {

/// What sets said of one text, by their numbers as bits.
struct UserAgentStanding {
  static constexpr std::uint32_t sets = 64;  ///< what is said by those beyond is not kept
  std::uint64_t asked = 0, matched = 0;
};

/// Holds some hundred texts, two that fall on one place push each other out. They are told apart by keyed hashes of 63 bits alone: whoever
/// does not know the seed finds no second text for one. One a worker.
class UserAgentMemory {
 public:
  explicit UserAgentMemory(std::uint64_t seed) : hash_(seed) {}

  /// What the sets of one policy, the same until clear(), were asked of it, to be added to. The reference holds until the next call.
  UserAgentStanding& of(std::string_view user_agent) {
    const std::uint64_t hash = hash_(user_agent) | 1;  // 0: nothing is here
    Entry& entry = entries_[hash >> (64 - place_bits)];
    if (entry.hash != hash) entry = {hash, {}};
    return entry.standing;
  }
  void clear() { entries_.assign(places, {}); }

 private:
  static constexpr unsigned place_bits = 8;
  static constexpr std::size_t places = std::size_t{1} << place_bits;

  struct Entry {
    std::uint64_t hash = 0;
    UserAgentStanding standing;
  };
  KeyedHash hash_;
  std::vector<Entry> entries_ = std::vector<Entry>(places);
};

}  // namespace postern::acl
