// What workers count, of one or of all of them together: for /metrics and `postern top`.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "acl/geo.hpp"
#include "acl/options.hpp"
#include "acl/policy.hpp"
#include "sbc/metrics.hpp"
#include "sbc/net/metrics_page.hpp"
#include "sbc/net/top_sources.hpp"
#include "sbc/net/workers.hpp"

namespace postern::net {

struct SeenSource {
  SampledSource sample;
  acl::Country country;  ///< Country{}: there is no database
};

/// Who sends: a bounded part of what was sampled.
struct SeenSources {
  static constexpr std::size_t most = 20;

  std::vector<SeenSource> loudest;           ///< at most so many, the loudest first; none that was seen by chance
  std::map<acl::Country, double> countries;  ///< packets a second
  double rate = 0;                           ///< packets a second of all of them
};

struct WorkerFacts {
  sbc::Metrics engine;
  sbc::Gauges gauges;
  WorkerCounts counts;
  std::vector<WorkerLoad> loads;     ///< of each
  bool probably_banned = false;      ///< by the PBX (sbc::PbxStanding)
  SeenSources sources;               ///< only where they were asked for
  std::vector<std::size_t> missing;  ///< workers that do not answer
};

SeenSources seen_sources(const std::vector<SampledSource>& sampled, const acl::Geo& geo);
void add(WorkerFacts& sum, const WorkerFacts& other);

/// Of the main thread alone.
class FactsOfWorkers {
 public:
  /// `workers` must outlive it.
  explicit FactsOfWorkers(Workers& workers) : workers_(workers) {}

  /// Each worker copies its own numbers between two packets, nobody waits for it meanwhile. `done` is called on the main thread once all
  /// have. Of one that does not answer (Workers::ask()) they are those of the last time, so that no counter goes back. `policy`: who says
  /// where sources are; nullptr: they are left out.
  void ask(std::shared_ptr<const acl::Policy> policy, std::function<void(WorkerFacts)> done);

 private:
  [[nodiscard]] WorkerFacts sum_of(std::vector<WorkerFacts> parts, const std::vector<std::size_t>& missing);

  Workers& workers_;
  std::vector<WorkerFacts> last_;  ///< of each, without sources
};

}  // namespace postern::net
