// What /metrics is made of.
#include "sbc/net/shell_impl.hpp"

namespace postern::net {

namespace {

/// What a worker counts, or all of them.
struct Sum {
  sbc::Metrics engine;
  sbc::Gauges gauges;
  WorkerCounts counts;
  WorkerLoad load;  ///< of the one
};

/// On its own thread, which is what the clock is of.
Sum counted_by(const Worker& worker) {
  Sum sum{worker.metrics(), worker.gauges(), worker.counts(), {}};
  for (const auto& transports : sum.engine.received)
    for (const sbc::ByMethod& methods : transports) sum.load.messages = std::accumulate(methods.begin(), methods.end(), sum.load.messages);
  timespec ran{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran) == 0)
    sum.load.cpu_seconds = static_cast<double>(ran.tv_sec) + static_cast<double>(ran.tv_nsec) / std::nano::den;
  return sum;
}

}  // namespace

AlertFacts Shell::Impl::alert_facts() const {
  const acl::Geo& geo = current->policy->geo();
  return {.certificates = workers.first().certificates(),
          .countries_built = geo.countries ? geo.countries->built() : 0,
          .asns_built = geo.asns ? geo.asns->built() : 0};
}

void Shell::Impl::metrics(std::function<void(std::string)> done) {
  // Each worker copies its own numbers between two packets.
  const auto parts = std::make_shared<std::vector<Sum>>(workers.size());
  const auto copy = [parts](const Worker& worker) { (*parts)[worker.options().pbx.worker] = counted_by(worker); };
  workers.ask(copy, [this, parts, done = std::move(done)] {
    Sum& sum = parts->front();
    ShellMetrics shell;
    for (std::size_t i = 0; i < parts->size(); ++i) {
      Sum& part = (*parts)[i];
      part.load.notes_waiting = workers.waiting(i).size();
      part.load.notes_lost = workers.waiting(i).lost();
      shell.workers.push_back(part.load);
      if (i == 0) continue;
      add(sum.engine, part.engine);
      add(sum.gauges, part.gauges);
      add(sum.counts, part.counts);
    }
    shell.counts = sum.counts;
    shell.certificates = workers.first().certificates();
    const sbc::WeakPasswords& accounts = workers.shared().weak_passwords;
    for (const auto& [account, verdict] : accounts.verdicts()) ++shell.weak_passwords.at(static_cast<std::size_t>(verdict.kind));
    shell.password_looks = accounts.looked_at();
    shell.password_looks_missed = accounts.missed();
    shell.log_lines_lost = log.lost_lines();
    shell.reloads_applied = reloads_applied;
    shell.reloads_refused = reloads_refused;
    shell.state_failures = store.failures();
    shell.state_durable = store.durable();
    const AlertCounts& told = alerts.counts();
    shell.alerts = {told.delivered, told.failed, told.held_back, told.lost};
    done(metrics_page(sum.engine, sum.gauges, shell));
  });
}

}  // namespace postern::net
