#include "sbc/net/metrics_page.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "sbc/net/version.hpp"
#include "sip/method.hpp"

namespace postern::net {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

MetricFamily& add_family(Families& families, std::string name, std::string help, MetricType type) {
  return families.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}});
}

void add_counter(MetricFamily& family, Labels labels, std::uint64_t value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
}

void add_gauge(Families& families, std::string name, std::string help, double value, Labels labels = {}) {
  ClientMetric& metric = add_family(families, std::move(name), std::move(help), MetricType::Gauge).metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

void add_metric(Families& families, std::string name, std::string help, const sbc::Histogram& histogram) {
  ClientMetric& metric = add_family(families, std::move(name), std::move(help), MetricType::Histogram).metric.emplace_back();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
    sum += histogram.buckets[i];
    const bool last = i == sbc::Histogram::bounds.size();
    metric.histogram.bucket.push_back({sum, last ? std::numeric_limits<double>::infinity() : sbc::Histogram::bounds[i]});
  }
  metric.histogram.sample_count = sum;
  metric.histogram.sample_sum = histogram.sum;
}

/// UDP always, so that its series exist from the start; other transports once they are used.
void add_metric(Families& families, std::string name, std::string help, const sbc::MessageCounts& counts) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Counter);
  for (std::size_t side = 0; side < sbc::side_count; ++side) {
    for (std::size_t transport = 0; transport < sbc::transport_count; ++transport) {
      const sbc::ByMethod& methods = counts[side][transport];
      const bool used = std::ranges::any_of(methods, [](std::uint64_t count) { return count != 0; });
      if (!used && static_cast<sbc::Transport>(transport) != sbc::Transport::udp) continue;
      for (std::size_t method = 0; method < methods.size(); ++method) {
        add_counter(family,
                    {{"side", sbc::to_string(static_cast<sbc::Side>(side))},
                     {"transport", sbc::to_string(static_cast<sbc::Transport>(transport))},
                     {"method", std::string(sip::to_string(static_cast<sip::Method>(method)))}},
                    methods[method]);
      }
    }
  }
}

void add_outcomes(MetricFamily& family, const std::string& label, const std::array<std::uint64_t, sbc::outcome_count>& counts,
                  bool refused_only) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const sbc::OutcomeInfo& outcome = sbc::outcome_table[i];
    if (refused_only && outcome.kind != sbc::OutcomeKind::refused) continue;
    add_counter(family, {{label, std::string(outcome.word)}}, counts[i]);
  }
}

/// All of them, and again by themselves those that were refused: what an operator looks at.
void add_metric(Families& families, std::string name, std::string help, const sbc::OutcomeCounts& counts) {
  add_outcomes(add_family(families, std::move(name), std::move(help), MetricType::Counter), "outcome", counts, false);
  add_outcomes(add_family(families, "postern_messages_refused_total", "Packets refused, by reason.", MetricType::Counter), "reason", counts,
               true);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::WouldCounts& counts) {
  add_outcomes(add_family(families, std::move(name), std::move(help), MetricType::Counter), "reason", counts, true);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::CauseCounts& counts) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Counter);
  for (std::size_t i = 0; i < counts.size(); ++i) add_counter(family, {{"cause", std::string(sbc::cause_table.at(i).word)}}, counts[i]);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::CredentialsCounts& counts) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Counter);
  for (std::size_t i = static_cast<std::size_t>(sbc::CredentialsStanding::none) + 1; i < counts.size(); ++i)
    add_counter(family, {{"standing", std::string(sbc::credentials_words[i])}}, counts[i]);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::NotHiddenCounts& counts) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Counter);
  for (std::size_t i = 0; i < counts.size(); ++i) add_counter(family, {{"where", std::string(sbc::not_hidden_words.at(i))}}, counts[i]);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::Count& count) {
  add_counter(add_family(families, std::move(name), std::move(help), MetricType::Counter), {}, count.count);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::RuleCounts& counts) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Counter);
  for (const sbc::RuleCount& count : counts) add_counter(family, {{"rule", count.rule}}, count.matches);
}

void add_metric(Families& families, std::string name, std::string help, const sbc::PbxUps& addresses) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Gauge);
  for (const sbc::PbxUp& pbx : addresses) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = {{"address", pbx.address}};
    metric.gauge.value = pbx.up ? 1 : 0;
  }
}

void add_metric(Families& families, std::string name, std::string help, const sbc::StatusCounts& counts) {
  MetricFamily& family = add_family(families, std::move(name), std::move(help), MetricType::Counter);
  for (std::size_t status = 0; status < counts.size(); ++status) {
    if (counts[status] != 0) add_counter(family, {{"status", std::to_string(status)}}, counts[status]);
  }
}

void add_engine(Families& families, const sbc::Metrics& metrics, const sbc::Gauges& gauges) {
#define X(field, type, name, help) add_metric(families, name, help, metrics.field);
  POSTERN_METRICS(X)
#undef X
#define X(field, name, help) add_gauge(families, name, help, static_cast<double>(gauges.field));
  POSTERN_GAUGES(X)
#undef X
  MetricFamily& evictions =
      add_family(families, "postern_evictions_total", "Entries pushed out of a full table, by table.", MetricType::Counter);
#define X(table) add_counter(evictions, {{"table", #table}}, gauges.evicted_##table);
  POSTERN_BOUNDED_TABLES(X)
#undef X
}

void add_streams(Families& families, const StreamCounters& streams) {
  MetricFamily& open = add_family(families, "postern_connections", "Stream connections open now.", MetricType::Gauge);
  MetricFamily& accepted = add_family(families, "postern_connections_total",
                                      "Stream connections accepted, those that were closed at once included.", MetricType::Counter);
  for (std::size_t i = 0; i < sbc::transport_count; ++i) {
    const auto transport = static_cast<sbc::Transport>(i);
    if (sbc::is_datagram(transport)) continue;
    const Labels labels{{"transport", sbc::to_string(transport)}};
    ClientMetric& metric = open.metric.emplace_back();
    metric.label = labels;
    metric.gauge.value = static_cast<double>(streams.open[i]);
    add_counter(accepted, labels, streams.accepted[i]);
  }
  MetricFamily& ended =
      add_family(families, "postern_connections_ended_total", "Stream connections that have ended, by reason.", MetricType::Counter);
  for (std::size_t i = 0; i < streams.ended.size(); ++i)
    add_counter(ended, {{"reason", std::string(connection_end_words[i])}}, streams.ended[i]);
  add_counter(add_family(families, "postern_accept_failures_total", "Times that the system had no room for another connection.",
                         MetricType::Counter),
              {}, streams.accept_errors);
}

void add_certificates(Families& families, const std::vector<CertificateEnd>& certificates) {
  MetricFamily& family = add_family(families, "postern_certificate_end_seconds",
                                    "When a listener's certificate ends, in seconds since 1970.", MetricType::Gauge);
  for (const CertificateEnd& certificate : certificates) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = {{"listener", certificate.listener}};
    metric.gauge.value = static_cast<double>(std::chrono::system_clock::to_time_t(certificate.not_after));
  }
}

void add_workers(Families& families, const std::vector<WorkerLoad>& workers) {
  MetricFamily& messages =
      add_family(families, "postern_worker_messages_received_total", "SIP messages received, by worker.", MetricType::Counter);
  for (std::size_t i = 0; i < workers.size(); ++i) add_counter(messages, {{"worker", std::to_string(i)}}, workers[i].messages);
  MetricFamily& cpu = add_family(families, "postern_worker_cpu_seconds_total",
                                 "Seconds that a worker's thread has run; as many a second as 1 is all that it can.", MetricType::Counter);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    ClientMetric& metric = cpu.metric.emplace_back();
    metric.label = {{"worker", std::to_string(i)}};
    metric.counter.value = workers[i].cpu_seconds;
  }
  MetricFamily& waiting =
      add_family(families, "postern_worker_notes_waiting",
                 "What other workers have told a worker, or handed over to it, and it has not come to.", MetricType::Gauge);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    ClientMetric& metric = waiting.metric.emplace_back();
    metric.label = {{"worker", std::to_string(i)}};
    metric.gauge.value = static_cast<double>(workers[i].notes_waiting);
  }
  MetricFamily& lost = add_family(families, "postern_worker_notes_lost_total",
                                  "What other workers had for a worker that had too much waiting, by worker.", MetricType::Counter);
  for (std::size_t i = 0; i < workers.size(); ++i) add_counter(lost, {{"worker", std::to_string(i)}}, workers[i].notes_lost);
}

void add_passwords(Families& families, const ShellMetrics& shell) {
  MetricFamily& weak =
      add_family(families, "postern_weak_passwords", "Accounts whose password can be guessed, by what it is.", MetricType::Gauge);
  for (std::size_t i = 0; i < shell.weak_passwords.size(); ++i) {
    ClientMetric& metric = weak.metric.emplace_back();
    metric.label = {{"kind", std::string(sbc::weak_kind_table.at(i).word)}};
    metric.gauge.value = static_cast<double>(shell.weak_passwords.at(i));
  }
  MetricFamily& looks =
      add_family(families, "postern_password_looks_total",
                 "Accepted digests that were tried against weak passwords, or missed because too many waited.", MetricType::Counter);
  add_counter(looks, {{"result", "tried"}}, shell.password_looks);
  add_counter(looks, {{"result", "missed"}}, shell.password_looks_missed);
}

void add_shell(Families& families, const ShellMetrics& shell) {
  add_metric(families, "postern_forward_seconds",
             "Time from the receipt of a batch of datagrams to the sending of what it caused, once for each datagram sent.",
             shell.counts.forward);
  MetricFamily& sends =
      add_family(families, "postern_send_failures_total", "Datagrams that could not be sent, by reason.", MetricType::Counter);
  add_counter(sends, {{"reason", "error"}}, shell.counts.send_errors);
  add_counter(sends, {{"reason", "queue_full"}}, shell.counts.send_overflows);
  add_counter(sends, {{"reason", "connection_gone"}}, shell.counts.streams.undeliverable);
  MetricFamily& hep = add_family(families, "postern_hep_packets_total", "Copies of messages for the capture server (`hep`), by result.",
                                 MetricType::Counter);
  add_counter(hep, {{"result", "sent"}}, shell.counts.hep_sent);
  add_counter(hep, {{"result", "left_out"}}, shell.counts.hep_left_out);
  add_counter(hep, {{"result", "failed"}}, shell.counts.hep_failed);
  add_streams(families, shell.counts.streams);
  add_workers(families, shell.workers);
  add_passwords(families, shell);
  add_certificates(families, shell.certificates);
  MetricFamily& receives =
      add_family(families, "postern_receive_failures_total", "Failures to receive a datagram, by reason.", MetricType::Counter);
  add_counter(receives, {{"reason", "error"}}, shell.counts.receive_errors);
  add_counter(receives, {{"reason", "truncated"}}, shell.counts.receive_truncated);
  add_counter(receives, {{"reason", "not_unicast"}}, shell.counts.receive_not_unicast);
  add_counter(receives, {{"reason", "other_worker"}}, shell.counts.receive_misplaced);
  add_counter(
      add_family(families, "postern_log_lines_lost_total", "Log lines lost because stderr was not read fast enough.", MetricType::Counter),
      {}, shell.log_lines_lost);
  add_gauge(families, "postern_state_durable", "1 while registrations, bans and trust are kept in the state folder.",
            shell.state_durable ? 1 : 0);
  add_counter(add_family(families, "postern_state_failures_total", "Failures to read or write the state folder.", MetricType::Counter), {},
              shell.state_failures);
  MetricFamily& reloads =
      add_family(families, "postern_config_reloads_total", "Reloads of the configuration, by result.", MetricType::Counter);
  add_counter(reloads, {{"result", "applied"}}, shell.reloads_applied);
  add_counter(reloads, {{"result", "refused"}}, shell.reloads_refused);
  MetricFamily& alerts =
      add_family(families, "postern_alerts_total", "Alerts by webhook and command, by what became of them.", MetricType::Counter);
  add_counter(alerts, {{"result", "delivered"}}, shell.alerts.delivered);
  add_counter(alerts, {{"result", "failed"}}, shell.alerts.failed);
  add_counter(alerts, {{"result", "held_back"}}, shell.alerts.held_back);
  add_counter(alerts, {{"result", "lost"}}, shell.alerts.lost);
  const Version built = version();
  add_gauge(families, "postern_build_info", "The running version; always 1.", 1,
            {{"version", std::string(built.number)}, {"commit", std::string(built.commit)}});
}

}  // namespace

namespace {

void add(std::uint64_t& sum, std::uint64_t other) { sum += other; }
void add(StreamCounters& sum, const StreamCounters& other) { sum += other; }

}  // namespace

void add(WorkerCounts& sum, const WorkerCounts& other){
#define X(field, type) add(sum.field, other.field);
    POSTERN_WORKER_COUNTS(X)
#undef X
}

std::string metrics_page(const sbc::Metrics& metrics, const sbc::Gauges& gauges, const ShellMetrics& shell) {
  Families families;
  add_engine(families, metrics, gauges);
  add_shell(families, shell);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace postern::net
