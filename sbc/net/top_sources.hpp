// Who sends most, and what becomes of it: a sample, for the operator.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "acl/address.hpp"
#include "acl/keyed_hash.hpp"
#include "acl/rate.hpp"
#include "sbc/outcome.hpp"

namespace postern::net {

/// What the sample says of a source, an IPv4 address or an IPv6 /64, over the last seconds.
struct SampledSource {
  acl::SourceKey source;
  double rate = 0;     ///< packets a second; never those of another
  double share = 0;    ///< the same with what may be others' that had its place before: all of these sum up to what all send
  double refused = 0;  ///< which part of its packets, 0 to 1
  sbc::Outcome outcome = sbc::Outcome::forwarded;  ///< of most of them
  bool by_chance = false;                          ///< one packet was the sample of a batch of others': no more is known of it
};

/// A worker's sample of the access side. One packet of a batch stands for all of it, so that a flood, which comes in batches of dozens,
/// pays for one look-up in each; without a flood it is nearly every packet. Who sends most is found by Space-Saving (Metwally, Agrawal and
/// El Abbadi, Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005), in sets of a few places, so that nothing is
/// searched for: whoever sends more than an eighth of what its set is sent has a place, however many others there are. All fades with time.
class TopSources {
 public:
  static constexpr std::size_t sets = 32, places = 8;
  static constexpr std::chrono::seconds half_life{5};

  /// `seed`: nobody without it can choose addresses of one set.
  TopSources(std::uint64_t seed, acl::TimePoint now) : hash_(seed), random_(seed), faded_(now) {}

  /// Which of a batch of so many packets (at least one) is the sample.
  [[nodiscard]] std::size_t pick(std::size_t packets) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX; its upper bits are good
    return static_cast<std::size_t>(((random_ >> 32U) * packets) >> 32U);
  }
  /// It came from there, ended so, and stands for so many. `now` never runs backwards. Allocates nothing.
  void add(const acl::Address& source, sbc::Outcome outcome, std::size_t packets, acl::TimePoint now);

  /// Those that sent lately, at most sets * places, in no order.
  [[nodiscard]] std::vector<SampledSource> sampled(acl::TimePoint now) const;

 private:
  static constexpr std::chrono::seconds fading_step{1};
  static constexpr float forgotten = 0.05F;  ///< of a packet
  static constexpr double shortest = 1;      ///< second that a rate is of: the first packet is no flood

  /// Packets, each worth less the older it is. A place that is free has none.
  struct Set {
    std::array<std::uint64_t, places> sources{};
    std::array<float, places> packets{};  ///< with those of others
    std::array<float, places> others{};
    std::array<float, places> refused{};
    std::array<float, places> samples{};
    std::array<float, places> votes{};  ///< for the outcome, less those against it (Boyer and Moore)
    std::array<sbc::Outcome, places> outcomes{};
  };

  void vote(Set& set, std::size_t place, sbc::Outcome outcome, float packets);
  void fade(acl::TimePoint now);

  acl::KeyedHash hash_;
  std::uint64_t random_;
  std::array<Set, sets> sets_{};
  acl::TimePoint faded_;  ///< until when they have
  double seconds_ = 0;    ///< that they are of, as much faded
};

}  // namespace postern::net
