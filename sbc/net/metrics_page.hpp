// The text of /metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sbc/metrics.hpp"
#include "sbc/net/stream_counters.hpp"
#include "sbc/weak_kinds.hpp"

namespace postern::net {

// clang-format off
// field, type; `forward`: from the receipt of a batch to the sending of what it caused, once for each datagram sent
#define POSTERN_WORKER_COUNTS(X)         \
  X(forward,             sbc::Histogram) \
  X(receive_errors,      std::uint64_t)  \
  X(receive_truncated,   std::uint64_t)  \
  X(receive_not_unicast, std::uint64_t)  \
  X(receive_misplaced,   std::uint64_t)  \
  X(send_errors,         std::uint64_t)  \
  X(send_overflows,      std::uint64_t)  \
  X(hep_sent,            std::uint64_t)  \
  X(hep_left_out,        std::uint64_t)  \
  X(hep_failed,          std::uint64_t)  \
  X(streams,             StreamCounters)
// clang-format on

/// What a worker counts beside its engine.
struct WorkerCounts {
#define X(field, type) type field{};
  POSTERN_WORKER_COUNTS(X)
#undef X
};

/// Of several workers, to be shown as one.
void add(WorkerCounts& sum, const WorkerCounts& other);

/// {worker}: what tells which one is busy, or behind
struct WorkerLoad {
  std::uint64_t messages = 0;
  double cpu_seconds = 0;
  std::size_t notes_waiting = 0;
  std::uint64_t notes_lost = 0;
};

/// What the shell counts itself.
struct ShellMetrics {
  WorkerCounts counts;              ///< of all workers
  std::vector<WorkerLoad> workers;  ///< of each
  std::vector<CertificateEnd> certificates;
  std::uint64_t log_lines_lost = 0;
  std::uint64_t state_failures = 0;
  bool state_durable = false;                                        ///< registrations, bans and trust would outlive a kill now
  std::array<std::uint64_t, sbc::weak_kind_count> weak_passwords{};  ///< accounts, by WeakKind
  std::uint64_t password_looks = 0, password_looks_missed = 0;
  std::uint64_t reloads_applied = 0;
  std::uint64_t reloads_refused = 0;
  struct Alerts {
    std::uint64_t delivered = 0, failed = 0, held_back = 0, lost = 0;
  } alerts;
};

/// Prometheus text format 0.0.4; names and labels as in sbc/metrics.hpp. No label takes a value from the network.
std::string metrics_page(const sbc::Metrics& metrics, const sbc::Gauges& gauges, const ShellMetrics& shell);

}  // namespace postern::net
