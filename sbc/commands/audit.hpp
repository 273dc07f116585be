// `postern audit`: VitalPBX's list of best security practices, each answered from the configuration, the running state or a probe.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Audit {
 public:
  /// Adds the command and its options; `file` (the configuration's name) and `app` must outlive it.
  Audit(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return command_->parsed(); }
  /// The exit status: 0 nothing failed, 1 something failed or the configuration is wrong, 2 bad usage.
  int run();

 private:
  std::string& file_;
  CLI::App* command_;
  std::string outside_;
  bool json_ = false;
};

}  // namespace postern::commands
