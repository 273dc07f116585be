// `postern bans`: who is kept out of the running daemon, and the operator's word on it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Bans {
 public:
  /// Adds the commands and their options; `file` (the configuration's name) and `app` must outlive it.
  Bans(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return bans_->parsed(); }
  /// The exit status: 0 done, 1 refused (or the configuration cannot be read), 3 no daemon answers.
  int run();

 private:
  int list();
  int change();

  std::string& file_;
  CLI::App* bans_;
  CLI::App* list_;
  CLI::App* add_;
  CLI::App* remove_;
  CLI::App* clear_;
  std::string address_, account_, duration_ = "1h";
  bool json_ = false;
};

}  // namespace postern::commands
