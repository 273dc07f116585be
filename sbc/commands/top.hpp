// `postern top`: what goes on at this moment.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace postern::commands {

class Top {
 public:
  /// Adds the command and its options; `file` (the configuration's name) and `app` must outlive it.
  Top(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return top_->parsed(); }
  /// The exit status: 0 shown, 1 refused (or the configuration cannot be read), 2 no such interval, 3 no daemon answers, or none any more.
  int run();

 private:
  int once(const std::string& socket, std::chrono::milliseconds interval) const;
  static int live(const std::string& socket, std::chrono::milliseconds interval);

  std::string& file_;
  CLI::App* top_;
  std::string interval_ = "2s";
  bool json_ = false;
  bool once_ = false;
};

}  // namespace postern::commands
