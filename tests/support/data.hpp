// Files that tests read: the shared test data, which is no part of the repository, and their own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace postern::testing {

inline std::filesystem::path data_folder() {
  const char* named = std::getenv("POSTERN_TEST_DATA");  // NOLINT(concurrency-mt-unsafe): tests have one thread
  return named != nullptr ? std::filesystem::path(named) : std::filesystem::path(POSTERN_SOURCE_DIR) / "../shared/data";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace postern::testing

/// The words of the skip are those that tests/SKIPS lists.
#define POSTERN_NEEDS_TEST_DATA() \
  if (!std::filesystem::exists(postern::testing::data_folder())) GTEST_SKIP() << "no test data: set POSTERN_TEST_DATA"
