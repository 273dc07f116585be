// `postern registrations` and `postern calls`: what the running daemon knows.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Ask {
 public:
  /// Adds the commands and their options; `file` (the configuration's name) and `app` must outlive it.
  Ask(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return registrations_->parsed() || calls_->parsed(); }
  /// The exit status: 0 told, 1 refused (or the configuration cannot be read), 3 no daemon answers.
  int run();

 private:
  std::string& file_;
  CLI::App* registrations_;
  CLI::App* calls_;
  bool json_ = false;
};

}  // namespace postern::commands
