// What is counted. One declaration for each metric: the field, its name, its help; sbc/net/admin renders the same table.
#pragma once

#include <array>
#include <cstdint>

#include "sbc/flow.hpp"
#include "sbc/outcome.hpp"
#include "sip/method.hpp"

namespace postern::sbc {

inline constexpr std::size_t side_count = 2;
inline constexpr std::size_t transport_count = 5;

/// Counts by fixed upper bounds in seconds; the last bucket is +Inf.
struct Histogram {
  static constexpr std::array<double, 12> bounds{0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1, 4};
  std::array<std::uint64_t, bounds.size() + 1> buckets{};
  double sum = 0;
  void observe(double seconds);
};

/// A worker's counters: plain numbers that only its thread writes.
struct Metrics {
  using ByMethod = std::array<std::uint64_t, sip::method_count>;
  std::array<std::array<ByMethod, transport_count>, side_count>
      received{};  ///< postern_messages_received_total{side,transport,method}: a SIP message that passed the prescreen
  std::array<std::array<ByMethod, transport_count>, side_count>
      forwarded{};  ///< postern_messages_forwarded_total: by the side that it left on
  std::array<std::uint64_t, outcome_count>
      outcomes{};  ///< refused ones: postern_messages_refused_total{reason}; all: postern_packets_total{outcome}
  std::array<std::uint64_t, 700> responses_sent{};  ///< postern_responses_sent_total{status}: to the access side, ours and the PBX's
  std::array<std::uint64_t, outcome_count> bans{};  ///< postern_bans_total{cause}
  Histogram pbx_response;                           ///< postern_pbx_response_seconds: request forwarded to first final answer
};

/// What stands now (gauges) and what tables have evicted; asked for when it is scraped.
struct Gauges {
  std::size_t bans_active = 0;
  std::size_t registrations = 0;
  std::size_t sources_tracked = 0;
  std::size_t transactions = 0;
  std::uint64_t evicted_sources = 0, evicted_methods = 0, evicted_bans = 0, evicted_transactions = 0, evicted_registrations = 0,
                evicted_tokens = 0;
};

}  // namespace postern::sbc
