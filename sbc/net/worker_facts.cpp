#include "sbc/net/worker_facts.hpp"

#include <algorithm>
#include <ctime>
#include <numeric>
#include <ratio>
#include <utility>

namespace postern::net {

namespace {

void keep_loudest(std::vector<SeenSource>& sources) {
  std::ranges::sort(sources, [](const SeenSource& a, const SeenSource& b) { return a.sample.rate > b.sample.rate; });
  sources.resize(std::min(sources.size(), SeenSources::most));
}

/// On the worker's own thread, which is what the clock is of.
WorkerFacts facts_of(const Worker& worker) {
  WorkerFacts facts{worker.metrics(), worker.gauges(), worker.counts(), {}, worker.engine().pbx_standing().probably_banned, {}, {}};
  WorkerLoad& load = facts.loads.emplace_back();
  for (const auto& transports : facts.engine.received)
    for (const sbc::ByMethod& methods : transports) load.messages = std::accumulate(methods.begin(), methods.end(), load.messages);
  timespec ran{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran) == 0)
    load.cpu_seconds = static_cast<double>(ran.tv_sec) + static_cast<double>(ran.tv_nsec) / std::nano::den;
  return facts;
}

}  // namespace

SeenSources seen_sources(const std::vector<SampledSource>& sampled, const acl::Geo& geo) {
  SeenSources seen;
  for (const SampledSource& source : sampled) {
    const acl::Country country = geo.country(source.source.address());
    if (!source.by_chance) seen.loudest.push_back({source, country});
    seen.countries[country] += source.share;
    seen.rate += source.share;
  }
  keep_loudest(seen.loudest);
  return seen;
}

void add(WorkerFacts& sum, const WorkerFacts& other) {
  add(sum.engine, other.engine);
  add(sum.gauges, other.gauges);
  add(sum.counts, other.counts);
  sum.loads.insert(sum.loads.end(), other.loads.begin(), other.loads.end());
  sum.probably_banned = sum.probably_banned || other.probably_banned;
  // No source is two workers'.
  sum.sources.loudest.insert(sum.sources.loudest.end(), other.sources.loudest.begin(), other.sources.loudest.end());
  keep_loudest(sum.sources.loudest);
  for (const auto& [country, rate] : other.sources.countries) sum.sources.countries[country] += rate;
  sum.sources.rate += other.sources.rate;
}

void FactsOfWorkers::ask(std::shared_ptr<const acl::Policy> policy, std::function<void(WorkerFacts)> done) {
  const auto parts = std::make_shared<std::vector<WorkerFacts>>(workers_.size());
  const auto copy = [parts, policy = std::move(policy)](const Worker& worker) {
    WorkerFacts& facts = (*parts)[worker.options().pbx.worker] = facts_of(worker);
    if (policy != nullptr) facts.sources = seen_sources(worker.sources().sampled(acl::Clock::now()), policy->geo());
  };
  workers_.ask(
      copy, [this, parts, done = std::move(done)](const std::vector<std::size_t>& missing) { done(sum_of(std::move(*parts), missing)); });
}

WorkerFacts FactsOfWorkers::sum_of(std::vector<WorkerFacts> parts, const std::vector<std::size_t>& missing) {
  last_.resize(parts.size());
  WorkerFacts sum;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (std::ranges::find(missing, i) == missing.end()) {
      last_[i] = parts[i];
      last_[i].sources = {};
    } else {
      parts[i] = last_[i];
      parts[i].loads.resize(1);
    }
    parts[i].loads.front().notes_waiting = workers_.waiting(i).size();
    parts[i].loads.front().notes_lost = workers_.waiting(i).lost();
    if (i == 0)
      sum = std::move(parts[i]);
    else
      add(sum, parts[i]);
  }
  sum.missing = missing;
  return sum;
}

}  // namespace postern::net
