// The text of /metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sbc/metrics.hpp"
#include "sbc/net/stream_counters.hpp"

namespace postern::net {

/// What the shell counts itself.
struct ShellMetrics {
  sbc::Histogram forward;  ///< from the receipt of a batch to the sending of what it caused, once for each datagram sent
  std::uint64_t receive_errors = 0;
  std::uint64_t receive_truncated = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t send_overflows = 0;
  StreamCounters streams;
  std::vector<CertificateEnd> certificates;
  std::uint64_t log_lines_lost = 0;
  std::uint64_t state_failures = 0;
  bool state_durable = false;  ///< registrations, bans and trust would outlive a kill now
  std::uint64_t reloads_applied = 0;
  std::uint64_t reloads_refused = 0;
};

/// Of another worker, to be shown with the first one's.
void add(ShellMetrics& sum, const ShellMetrics& other);

/// Prometheus text format 0.0.4; names and labels as in sbc/metrics.hpp. No label takes a value from the network.
std::string metrics_page(const sbc::Metrics& metrics, const sbc::Gauges& gauges, const ShellMetrics& shell);

}  // namespace postern::net
