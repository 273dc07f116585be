// Every *.replay file of this folder is a test of that name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/replay/player.hpp"

namespace postern::replay {
namespace {

std::filesystem::path folder() { return std::filesystem::path(POSTERN_SOURCE_DIR) / "tests/replay"; }

std::vector<std::string> scenarios() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() == ".replay") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class Scenario : public ::testing::TestWithParam<std::string> {};

TEST_P(Scenario, GoesAsWritten) {
  const std::filesystem::path path = folder() / (GetParam() + ".replay");
  std::string text = testing::read_file(path);
  ASSERT_FALSE(text.empty()) << path;
  constexpr std::string_view data = "{data}";
  for (std::size_t at = 0; (at = text.find(data, at)) != std::string::npos;) {
    if (!std::filesystem::exists(testing::data_folder())) GTEST_SKIP() << "no test data: set POSTERN_TEST_DATA";
    text.replace(at, data.size(), testing::data_folder().string());
  }
  try {
    Player::play(read_script(text));
  } catch (const Failure& failure) {
    ADD_FAILURE_AT(path.c_str(), failure.line) << failure.what();
  } catch (const std::exception& error) {
    ADD_FAILURE_AT(path.c_str(), 1) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Replay, Scenario, ::testing::ValuesIn(scenarios()), [](const auto& parameter) {
  std::string name = parameter.param;
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace postern::replay
