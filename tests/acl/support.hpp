// What several tests of acl/ need.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "acl/address.hpp"
#include "acl/rate.hpp"
#include "tests/support/data.hpp"

namespace postern::acl {

inline Address address(const std::string& text) {
  const auto parsed = Address::parse(text);
  if (!parsed) throw std::invalid_argument(text);
  return *parsed;
}

inline Network network(const std::string& text) {
  const auto parsed = Network::parse(text);
  if (!parsed) throw std::invalid_argument(text);
  return parsed->network;
}

inline TimePoint at(Duration since_start) { return TimePoint(std::chrono::hours(1)) + since_start; }

/// A folder of this test's own, removed at its end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "postern-acl-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Writes a database with tests/support/make_mmdb.pl; false if this machine has no Perl module to do it.
inline bool make_mmdb(const std::filesystem::path& out, const std::string& layout, int ip_version, const std::string& rows) {
  if (std::system("perl -MMaxMind::DB::Writer::Tree -e 1 2>/dev/null") != 0) return false;
  const std::filesystem::path input = out.string() + ".rows";
  std::ofstream(input) << rows;
  const std::string command = std::string("perl '") + POSTERN_SOURCE_DIR + "/tests/support/make_mmdb.pl' '" + out.string() + "' " + layout +
                              ' ' + std::to_string(ip_version) + " < '" + input.string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  return true;
}

}  // namespace postern::acl
