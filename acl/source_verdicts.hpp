// What the rules said of the last sources: networks and countries cost more than all else that a refused packet costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "acl/fetch.hpp"
#include "acl/policy.hpp"

namespace postern::acl {

/// Holds some ten thousand IPv4 addresses; two that fall on one place push each other out. One a worker.
class SourceVerdicts {
 public:
  /// What `judge()` says, which is Policy::judge_source() of a packet from there; the policy is the same until clear(). `listener`: a
  /// number for the facts' listener and transport, `is_registered`: it comes over a live registration's flow.
  template <class Judge>
  EarlyVerdict of(const Address& source, bool is_registered, std::uint8_t listener, Judge&& judge) {
    if (!source.is_v4()) return judge();
    const std::uint32_t address = source.v4_value();
    Entry& entry = entries_[place_of(address)];
    const auto way = static_cast<std::uint16_t>(listener | (is_registered ? registered : 0U) | taken);
    if (entry.address != address || entry.way != way) {
      const EarlyVerdict verdict = judge();
      entry = {address, way, static_cast<std::uint16_t>(verdict.rule | (verdict.drops ? drops : 0))};
    }
    return {entry.verdict & ~drops, (entry.verdict & drops) != 0};
  }
  /// Its packet is among the next: nothing that can be seen.
  void expect(const Address& source) const {
    if (source.is_v4()) fetch(&entries_[place_of(source.v4_value())], 1);
  }
  /// It was expected. A hint, for what else is to be fetched: by the way that it last came in on, did the rules drop it whatever it said?
  [[nodiscard]] bool may_drop(const Address& source) const {
    if (!source.is_v4()) return false;
    const Entry& entry = entries_[place_of(source.v4_value())];
    return entry.address == source.v4_value() && (entry.verdict & drops) != 0;
  }
  void clear() { entries_.assign(places, {}); }

 private:
  static constexpr unsigned place_bits = 15;
  static constexpr std::size_t places = std::size_t{1} << place_bits;
  static constexpr unsigned registered = 1U << 8U;
  static constexpr unsigned taken = 1U << 9U;
  static constexpr int drops = 1 << 15;  // there are no more rules than that

  /// Whoever chooses addresses that collide has others judged anew, which is what a larger flood would do.
  static std::size_t place_of(std::uint32_t address) { return (address * 0x9e3779b97f4a7c15ULL) >> (64 - place_bits); }

  struct Entry {
    std::uint32_t address = 0;
    std::uint16_t way = 0;  ///< listener, registered; 0: nothing is here
    std::uint16_t verdict = 0;
  };
  std::vector<Entry> entries_ = std::vector<Entry>(places);
};

}  // namespace postern::acl
