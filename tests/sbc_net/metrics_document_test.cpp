// docs/operations.md names each metric with its labels and help; the rows of the code are the one place where they are declared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "sbc/net/metrics_page.hpp"

namespace postern::net {
namespace {

/// `side,transport` from `{side="core",transport="udp",le="1"}`: le belongs to every histogram and says nothing.
std::string label_names(const std::string& labels) {
  static const RE2 label(R"re(([a-z_]+)="[^"]*")re");
  std::string names;
  std::string name;
  for (re2::StringPiece rest(labels); RE2::FindAndConsume(&rest, label, &name);) {
    if (name != "le") names += (names.empty() ? "" : ",") + name;
  }
  return names.empty() ? names : "{" + names + "}";
}

struct Family {
  std::string help;
  std::string type;
  std::string labels;
};

std::map<std::string, Family> families_of(const std::string& page) {
  static const RE2 help("# HELP (\\S+) (.*)");
  static const RE2 type("# TYPE (\\S+) (\\S+)");
  static const RE2 sample(R"((\w+?)(?:_bucket|_count|_sum)?(\{.*\})? \S+)");
  std::map<std::string, Family> families;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    std::string name;
    std::string text;
    if (RE2::FullMatch(line, help, &name, &text)) {
      families[name].help = text;
    } else if (RE2::FullMatch(line, type, &name, &text)) {
      families[name].type = text;
    } else if (RE2::FullMatch(line, sample, &name, &text)) {
      families[name].labels = label_names(text);
    }
  }
  return families;
}

TEST(MetricsDocument, NamesEachMetricAndNoOther) {
  sbc::Metrics metrics;
  metrics.responses_sent[200] = 1;  // shown only once it has counted
  metrics.rules = {{"rules[0]", 0}};
  metrics.pbx_up = {{"10.0.0.5:15060", true}};
  ShellMetrics shell;
  shell.workers.resize(1);
  shell.certificates = {{"tls", {}}};
  std::vector<std::string> expected;
  for (const auto& [name, family] : families_of(metrics_page(metrics, {}, shell)))
    expected.push_back("| `" + name + family.labels + "` | " + family.type + " | " + family.help + " |");

  std::ifstream page(POSTERN_SOURCE_DIR "/docs/operations.md");
  std::string line;
  while (std::getline(page, line) && line != "## Metrics") {
  }
  std::vector<std::string> rows;
  while (std::getline(page, line) && !line.starts_with("## ")) {
    if (line.starts_with("| `")) rows.push_back(line);
  }
  EXPECT_THAT(rows, testing::UnorderedElementsAreArray(expected));
}

}  // namespace
}  // namespace postern::net
