#include "sbc/net/top_answer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "acl/address.hpp"

namespace postern::net {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t most_countries = 10;

template <class Counts, class Name>
ordered_json used(const Counts& counts, const Name& name) {
  ordered_json json = ordered_json::object();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) json[name(i)] = counts[i];
  }
  return json;
}

std::string outcome_word(std::size_t outcome) { return std::string(sbc::outcome_table.at(outcome).word); }

std::string status_word(std::size_t status) { return std::to_string(status); }

std::uint64_t count_of(const sbc::OutcomeCounts& counts, sbc::Outcome outcome) { return counts[static_cast<std::size_t>(outcome)]; }

sbc::OutcomeCounts only_refused(sbc::OutcomeCounts counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (sbc::outcome_table.at(i).kind != sbc::OutcomeKind::refused) counts[i] = 0;
  }
  return counts;
}

/// Counts by upper bound in seconds; the last one has none.
ordered_json json_of(const sbc::Histogram& histogram) {
  return {{"bounds", sbc::Histogram::bounds}, {"counts", histogram.buckets}, {"sum", histogram.sum}};
}

ordered_json country_json(acl::Country country) { return country == acl::Country{} ? ordered_json() : ordered_json(country.to_string()); }

std::string source_text(acl::SourceKey source) {
  constexpr unsigned household = 64;
  const acl::Address address = source.address();
  return address.is_v4() ? address.to_string() : acl::Network(address, household).to_string();
}

double share_of(double rate, double all) { return all > 0 ? rate / all : 0; }

ordered_json sources_json(const SeenSources& seen) {
  ordered_json json = ordered_json::array();
  for (const auto& [sample, country] : seen.loudest) {
    json.push_back({{"address", source_text(sample.source)},
                    {"country", country_json(country)},
                    {"packets_per_second", sample.rate},
                    {"share", share_of(sample.rate, seen.rate)},
                    {"refused", sample.refused},
                    {"outcome", sbc::info(sample.outcome).word}});
  }
  return json;
}

/// Without a database there are none.
ordered_json countries_json(const SeenSources& seen) {
  std::vector<std::pair<acl::Country, double>> countries(seen.countries.begin(), seen.countries.end());
  std::erase_if(countries, [](const auto& country) { return country.first == acl::Country{}; });
  std::ranges::sort(countries, [](const auto& a, const auto& b) { return a.second > b.second; });
  countries.resize(std::min(countries.size(), most_countries));
  ordered_json json = ordered_json::array();
  for (const auto& [country, rate] : countries) json.push_back({{"country", country_json(country)}, {"share", share_of(rate, seen.rate)}});
  return json;
}

ordered_json connections_json(const StreamCounters& streams) {
  ordered_json json = ordered_json::object();
  for (std::size_t i = 0; i < streams.open.size(); ++i) {
    const auto transport = static_cast<sbc::Transport>(i);
    if (!sbc::is_datagram(transport)) json[sbc::to_string(transport)] = streams.open.at(i);
  }
  return json;
}

ordered_json workers_json(const std::vector<WorkerLoad>& loads) {
  ordered_json json = ordered_json::array();
  for (const WorkerLoad& load : loads) {
    json.push_back({{"messages", load.messages},
                    {"cpu_seconds", load.cpu_seconds},
                    {"notes_waiting", load.notes_waiting},
                    {"notes_lost", load.notes_lost}});
  }
  return json;
}

}  // namespace

nlohmann::ordered_json pbx_json(const sbc::PbxUps& addresses) {
  ordered_json json = ordered_json::array();
  for (const sbc::PbxUp& pbx : addresses) json.push_back({{"address", pbx.address}, {"up", pbx.up}, {"heard", pbx.heard}});
  return json;
}

std::string top_json(const WorkerFacts& facts, TopHead head) {
  const sbc::Metrics& engine = facts.engine;
  const sbc::OutcomeCounts& outcomes = engine.outcomes;
  return ordered_json{{"time", std::move(head.time)},
                      {"uptime_s", head.uptime},
                      {"warnings", std::move(head.warnings)},
                      {"received", std::accumulate(outcomes.begin(), outcomes.end(), std::uint64_t{0})},
                      {"forwarded", count_of(outcomes, sbc::Outcome::forwarded)},
                      {"answered", count_of(outcomes, sbc::Outcome::answered)},
                      {"refused", used(only_refused(outcomes), outcome_word)},
                      {"would_refuse", used(engine.would_refuse, outcome_word)},
                      {"responses", used(engine.responses_sent, status_word)},
                      {"registrations", facts.gauges.registrations},
                      {"calls", facts.gauges.calls},
                      {"bans", facts.gauges.bans_active},
                      {"blocks", facts.gauges.blocks_active},
                      {"connections", connections_json(facts.counts.streams)},
                      {"pbx", pbx_json(engine.pbx_up)},
                      {"pbx_response_seconds", json_of(engine.pbx_response)},
                      {"forward_seconds", json_of(facts.counts.forward)},
                      {"sources", sources_json(facts.sources)},
                      {"countries", countries_json(facts.sources)},
                      {"workers", workers_json(facts.loads)}}
      .dump(-1, ' ', true, ordered_json::error_handler_t::replace);
}

}  // namespace postern::net
