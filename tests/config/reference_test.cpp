// The schema as documents, and the documents as files.
#include <gmock/gmock.h>

#include <regex>
#include <set>
#include <sstream>

#include "config/schema.hpp"
#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

std::string contents(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(Reference, ThePageIsTheSchemas) {
  EXPECT_EQ(contents(POSTERN_SOURCE_DIR "/docs/configuration.md"), reference_page()) << "write reference_page() to docs/configuration.md";
}

TEST(Reference, TheDefaultFileIsSound) {
  const LoadResult result = load(default_file());
  EXPECT_TRUE(result.ok()) << result.problems.at(0).to_string();
}

/// With every key uncommented: no key is unknown, and no default or example breaks its own key's bounds.
TEST(Reference, TheDefaultFileUncommentedHasNoBadKeyOrValue) {
  const std::string text = std::regex_replace(default_file(), std::regex("(^|\n)( *)#(?=[^ ])"), "$1$2");
  const LoadResult result = load(text);
  EXPECT_GT(result.problems.size(), 10U);
  for (const Problem& problem : result.problems) {
    if (problem.severity == Severity::warning) continue;
    const std::string line = problem.to_string();
    EXPECT_THAT(line, ::testing::ContainsRegex("not available in this version|cannot open|only .action: |no set of|No such "
                                               "file|named|needs the database|of (tls|ws):// (and wss:// )?alone|Error opening"))
        << text;
  }
}

TEST(Reference, DefaultsInTheTableAreTheOptions) {
  std::string text = std::regex_replace(default_file(), std::regex("(^|\n)( *)#(?=[^ ])"), "$1$2");
  const Config all = load(text).config;
  const Config none = load(smallest).config;
  auto methods = all.engine.limits.per_source_methods;
  EXPECT_EQ(methods, none.engine.limits.per_source_methods);
  EXPECT_EQ(all.engine.limits.per_source, none.engine.limits.per_source);
  EXPECT_EQ(all.engine.limits.unknown_sources, none.engine.limits.unknown_sources);
  EXPECT_EQ(all.engine.limits.pbx, none.engine.limits.pbx);
  EXPECT_EQ(all.engine.limits.tracked_sources, none.engine.limits.tracked_sources);
  EXPECT_EQ(all.engine.pbx.timeout, none.engine.pbx.timeout);
  EXPECT_EQ(all.policy.builtin_scanners, none.policy.builtin_scanners);
  EXPECT_EQ(all.policy.default_action, none.policy.default_action);
  EXPECT_EQ(all.policy.emergency, none.policy.emergency);
  EXPECT_EQ(all.shell.state, none.shell.state);
  EXPECT_EQ(all.shell.admin, none.shell.admin);
  EXPECT_EQ(all.shell.log.format, none.shell.log.format);
  EXPECT_EQ(all.shell.log.level, none.shell.log.level);
}

TEST(Schema, EachKeyHasOneRowAndAHelpSentence) {
  std::set<std::string_view> paths;
  for (const Row& row : schema()) {
    EXPECT_TRUE(paths.insert(row.path).second) << row.path;
    EXPECT_TRUE(row.help.ends_with('.')) << row.path;
    // What is in effect ends up somewhere; what is not must not.
    const bool leaf = children(row).empty();
    if (leaf) {
      EXPECT_EQ(row.store != nullptr, row.effect == Effect::now || row.path == "trunks[].networks[]") << row.path;
    }
  }
}

/// An own file that writes every key of the contract.
TEST(Schema, TheCompleteExampleIsKnownThroughout) {
  const std::string file = POSTERN_SOURCE_DIR "/tests/config/data/complete.yaml";
  const LoadResult result = load_file(file);
  std::vector<std::string> errors;
  for (const Problem& problem : result.problems)
    if (problem.severity == Severity::error) errors.push_back(problem.path);
  EXPECT_THAT(errors, ::testing::UnorderedElementsAre("geo.country", "geo.asn", "networks.blocklist.file", "alerts.command"));
}

}  // namespace
}  // namespace postern::config::test
