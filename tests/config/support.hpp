// Shared by the tests of config: texts in, problems out.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace postern::config::test {

inline constexpr const char* smallest =
    "listeners: [udp://127.0.0.1:5060]\n"
    "pbx: udp://127.0.0.1:15060\n";

inline LoadResult load(const std::string& text, const std::string& directory = "/nowhere") { return load_text(text, "p.yaml", directory); }

/// The problems as lines, without the file's name.
inline std::vector<std::string> problems_of(const LoadResult& result) {
  std::vector<std::string> lines;
  for (const Problem& problem : result.problems) {
    const std::string line = problem.to_string();
    lines.push_back(line.starts_with("p.yaml:") ? line.substr(7) : line);
  }
  return lines;
}

inline std::vector<std::string> problems_of(const std::string& text) { return problems_of(load(text)); }

/// The smallest file with more behind it: its first line is line 3.
inline std::vector<std::string> problems_with(const std::string& more) { return problems_of(smallest + more); }

/// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-config-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace postern::config::test
