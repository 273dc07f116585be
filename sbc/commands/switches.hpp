// `postern bypass`, `lockdown` and `block`: for three in the morning. They end by themselves.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Switches {
 public:
  /// Adds the commands and their options; `file` (the configuration's name) and `app` must outlive it.
  Switches(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return bypass_->parsed() || lockdown_->parsed() || block_->parsed(); }
  /// The exit status: 0 done, 1 refused (or the configuration cannot be read), 2 bad usage, 3 no daemon answers.
  int run();

 private:
  std::string& file_;
  CLI::App* bypass_;
  CLI::App* lockdown_;
  CLI::App* block_;
  std::string duration_, device_;
  bool off_ = false, outgoing_ = false, json_ = false;
};

}  // namespace postern::commands
