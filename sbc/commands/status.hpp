// `postern status`: how the running daemon is.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Status {
 public:
  /// Adds the command and its options; `file` (the configuration's name) and `app` must outlive it.
  Status(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return command_->parsed(); }
  /// The exit status: 0 told, 1 refused (or the configuration cannot be read), 3 no daemon answers.
  int run();

 private:
  std::string& file_;
  CLI::App* command_;
  bool json_ = false;
};

}  // namespace postern::commands
