#include "sbc/net/metrics_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "sbc/net/version.hpp"

namespace postern::net {
namespace {

using testing::Contains;
using testing::Key;

/// A page read back: series ("name{labels}") -> value, family -> type.
struct Page {
  std::map<std::string, double> series;
  std::map<std::string, std::string> types;
  std::set<std::string> helped;
};

/// Reads the text format line by line; a line that is none of its forms fails the test.
Page parse(const std::string& text) {
  static const RE2 help(R"(# HELP (\S+) \S.*)");
  static const RE2 type(R"(# TYPE (\S+) (counter|gauge|histogram))");
  static const RE2 sample(R"re(([a-z_]+(?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})?) (\S+))re");
  Page page;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string name;
    std::string kind;
    double value = 0;
    if (RE2::FullMatch(line, help, &name)) {
      page.helped.insert(name);
    } else if (RE2::FullMatch(line, type, &name, &kind)) {
      EXPECT_TRUE(page.types.emplace(name, kind).second) << "twice: " << line;
    } else if (RE2::FullMatch(line, sample, &name, &value)) {
      EXPECT_TRUE(page.series.emplace(name, value).second) << "twice: " << line;
    } else {
      ADD_FAILURE() << line;
    }
  }
  return page;
}

std::size_t index(sbc::Side side) { return static_cast<std::size_t>(side); }
std::size_t index(sbc::Transport transport) { return static_cast<std::size_t>(transport); }
std::size_t index(sip::Method method) { return static_cast<std::size_t>(method); }
std::size_t index(sbc::Outcome outcome) { return static_cast<std::size_t>(outcome); }

std::string sample_page() {
  sbc::Metrics metrics;
  metrics.received[index(sbc::Side::access)][index(sbc::Transport::udp)][index(sip::Method::register_)] = 5;
  metrics.forwarded[index(sbc::Side::core)][index(sbc::Transport::udp)][index(sip::Method::register_)] = 4;
  metrics.forwarded[index(sbc::Side::access)][index(sbc::Transport::tls)][index(sip::Method::other)] = 3;
  metrics.outcomes[index(sbc::Outcome::forwarded)] = 9;
  metrics.outcomes[index(sbc::Outcome::rule_ban)] = 2;
  metrics.bans[static_cast<std::size_t>(sbc::Cause::rule_ban)] = 1;
  metrics.rules = {{"bad_networks", 12}, {"rules[1]", 0}};
  metrics.responses_sent[401] = 6;
  metrics.pbx_response.buckets = {0, 1, 0, 2};
  metrics.pbx_response.buckets.back() = 4;
  metrics.pbx_response.sum = 12.5;
  sbc::Gauges gauges;
  gauges.registrations = 7;
  gauges.evicted_tokens = 8;
  ShellMetrics shell;
  shell.counts.send_errors = 10;
  shell.counts.send_overflows = 11;
  shell.workers = {{12, 0.5, 14, 15}, {13, 1.5, 16, 17}};
  return metrics_page(metrics, gauges, shell);
}

TEST(MetricsPage, SaysWhatWasCounted) {
  const Page page = parse(sample_page());
  const std::map<std::string, double> expected = {
      {R"(postern_messages_received_total{side="access",transport="udp",method="REGISTER"})", 5},
      {R"(postern_messages_received_total{side="core",transport="udp",method="INVITE"})", 0},
      {R"(postern_messages_forwarded_total{side="core",transport="udp",method="REGISTER"})", 4},
      {R"(postern_messages_forwarded_total{side="access",transport="tls",method="other"})", 3},
      {R"(postern_packets_total{outcome="forwarded"})", 9},
      {R"(postern_packets_total{outcome="rule_ban"})", 2},
      {R"(postern_messages_refused_total{reason="rule_ban"})", 2},
      {R"(postern_bans_total{cause="rule_ban"})", 1},
      {R"(postern_rule_matches_total{rule="bad_networks"})", 12},
      {R"(postern_rule_matches_total{rule="rules[1]"})", 0},
      {R"(postern_responses_sent_total{status="401"})", 6},
      {R"(postern_pbx_response_seconds_bucket{le="0.0001"})", 1},
      {R"(postern_pbx_response_seconds_bucket{le="0.0005"})", 3},
      {R"(postern_pbx_response_seconds_bucket{le="4"})", 3},
      {R"(postern_pbx_response_seconds_bucket{le="+Inf"})", 7},
      {"postern_pbx_response_seconds_count", 7},
      {"postern_pbx_response_seconds_sum", 12.5},
      {"postern_forward_seconds_count", 0},
      {"postern_registrations", 7},
      {R"(postern_evictions_total{table="tokens"})", 8},
      {R"(postern_worker_messages_received_total{worker="1"})", 13},
      {R"(postern_worker_cpu_seconds_total{worker="0"})", 0.5},
      {R"(postern_worker_notes_waiting{worker="1"})", 16},
      {R"(postern_worker_notes_lost_total{worker="0"})", 15},
      {R"(postern_send_failures_total{reason="error"})", 10},
      {R"(postern_send_failures_total{reason="queue_full"})", 11},
      {R"(postern_build_info{version=")" + std::string(version().number) + R"(",commit=")" + std::string(version().commit) + R"("})", 1}};
  for (const auto& [series, value] : expected) EXPECT_THAT(page.series, Contains(testing::Pair(series, value)));
}

/// A count of a connection that is not added would be the first worker's alone.
TEST(MetricsPage, CountsOfTwoWorkersAreAddedUp) {
  WorkerCounts one;
  one.forward.observe(0.001);
  one.receive_errors = 1;
  one.send_overflows = 2;
  one.streams.accepted[index(sbc::Transport::tcp)] = 3;
  one.streams.undeliverable = 4;
  WorkerCounts sum = one;
  add(sum, one);
  EXPECT_DOUBLE_EQ(sum.forward.sum, 0.002);
  EXPECT_EQ(sum.receive_errors, 2U);
  EXPECT_EQ(sum.send_overflows, 4U);
  EXPECT_EQ(sum.streams.accepted[index(sbc::Transport::tcp)], 6U);
  EXPECT_EQ(sum.streams.undeliverable, 8U);
}

TEST(MetricsPage, RefusedAreOnlyThoseThatWereRefused) {
  const Page page = parse(sample_page());
  EXPECT_THAT(page.series, testing::Not(Contains(Key(R"(postern_messages_refused_total{reason="forwarded"})"))));
  EXPECT_THAT(page.series,
              testing::Not(Contains(Key(R"(postern_messages_received_total{side="access",transport="tcp",method="INVITE"})"))));
}

TEST(MetricsPage, EveryFamilyHasAHelpAndAFittingName) {
  const Page page = parse(sample_page());
  EXPECT_GE(page.types.size(), 15U);
  for (const auto& [name, type] : page.types) {
    EXPECT_THAT(page.helped, Contains(name));
    EXPECT_TRUE(name.starts_with("postern_")) << name;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
  }
}

TEST(MetricsPage, PassesPromtool) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool (package prometheus) is not installed";
  const std::filesystem::path file = std::filesystem::temp_directory_path() / ("postern-metrics-" + std::to_string(::getpid()));
  std::ofstream(file) << sample_page();
  EXPECT_EQ(std::system(("promtool check metrics < " + file.string() + " 2>&1").c_str()), 0);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace postern::net
