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
  std::vector<WorkerLoad> loads;  ///< of each
  SeenSources sources;            ///< only where they were asked for
};

SeenSources seen_sources(const std::vector<SampledSource>& sampled, const acl::Geo& geo);
void add(WorkerFacts& sum, const WorkerFacts& other);

/// Each worker copies its own numbers between two packets, nobody waits for it meanwhile. `done` is called on the main thread once all have
/// (one that is stuck: never). `policy`: who says where sources are; nullptr: they are left out.
void ask_facts(Workers& workers, std::shared_ptr<const acl::Policy> policy, std::function<void(WorkerFacts)> done);

}  // namespace postern::net
