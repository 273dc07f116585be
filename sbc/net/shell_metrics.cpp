// What /metrics is made of.
#include "sbc/net/shell_impl.hpp"

namespace postern::net {

AlertFacts Shell::Impl::alert_facts() const {
  const acl::Geo& geo = current->policy->geo();
  return {.certificates = workers.first().certificates(),
          .countries_built = geo.countries ? geo.countries->built() : 0,
          .asns_built = geo.asns ? geo.asns->built() : 0};
}

void Shell::Impl::metrics(std::function<void(std::string)> done) {
  facts_of_workers.ask(nullptr, [this, done = std::move(done)](const WorkerFacts& facts) {
    ShellMetrics shell;
    shell.counts = facts.counts;
    shell.workers = facts.loads;
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
    done(metrics_page(facts.engine, facts.gauges, shell));
  });
}

}  // namespace postern::net
