// `postern alerts test`: whether alerts arrive.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Alerts {
 public:
  /// Adds the commands and their options; `file` (the configuration's name) and `app` must outlive it.
  Alerts(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return alerts_->parsed(); }
  /// The exit status: 0 delivered by each way that is configured, 1 not, or there is none (or the configuration cannot be read), 3 no
  /// daemon answers.
  int run();

 private:
  std::string& file_;
  CLI::App* alerts_;
  bool json_ = false;
};

}  // namespace postern::commands
