#include "sbc/outcome.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace postern::sbc {
namespace {

TEST(Outcome, WordsAreUnique) {
  std::set<std::string_view> words;
  for (const OutcomeInfo& outcome : outcome_table) EXPECT_TRUE(words.insert(outcome.word).second) << outcome.word;
}

// docs/operations.md explains each reason; the table in the code is the one place where they are declared.
TEST(Outcome, OperationsPageExplainsEach) {
  std::ifstream file(POSTERN_SOURCE_DIR "/docs/operations.md");
  std::stringstream page;
  page << file.rdbuf();
  constexpr std::string_view kinds[] = {"passed", "ignored", "refused"};
  for (const OutcomeInfo& outcome : outcome_table) {
    const std::string row = "| `" + std::string(outcome.word) + "` | " + std::string(kinds[static_cast<int>(outcome.kind)]) + " | " +
                            std::string(outcome.help) + " |";
    EXPECT_NE(page.str().find(row), std::string::npos) << row;
  }
}

}  // namespace
}  // namespace postern::sbc
