// `postern allow`: who may be abroad for a while.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Allow {
 public:
  /// Adds the commands and their options; `file` (the configuration's name) and `app` must outlive it.
  Allow(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return allow_->parsed(); }
  /// The exit status: 0 done, 1 refused (or the configuration cannot be read), 3 no daemon answers.
  int run();

 private:
  int list();
  int change();

  std::string& file_;
  CLI::App* allow_;
  CLI::App* list_;
  CLI::App* add_;
  CLI::App* remove_;
  std::string device_, country_, duration_;
  bool json_ = false;
};

}  // namespace postern::commands
