// `postern reload` and `postern confirm`: another configuration, with a way back.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Reload {
 public:
  /// Adds the commands and their options; `file` (the configuration's name) and `app` must outlive it.
  Reload(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return reload_->parsed() || confirm_->parsed(); }
  /// The exit status: 0 done, 1 refused (or the configuration cannot be read), 3 no daemon answers.
  int run();

 private:
  int reload();
  int confirm();

  std::string& file_;
  CLI::App* reload_;
  CLI::App* confirm_;
  std::string time_;
  bool json_ = false;
};

}  // namespace postern::commands
