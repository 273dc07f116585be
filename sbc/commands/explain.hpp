// `postern explain`: the verdict for a packet, and why.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "sbc/options.hpp"

namespace postern::commands {

class Explain {
 public:
  /// Adds the command and its options; `file` (the configuration's name) and `app` must outlive it.
  Explain(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return command_->parsed(); }
  /// The exit status: 0 explained, 1 a file could not be read or is wrong, 2 bad usage.
  int run();

 private:
  int one_packet();
  int live();
  int capture();
  /// Tells what is wrong with the usage.
  static int usage(const std::string& problem);

  CLI::App* command_;
  std::string& file_;
  sbc::RequestSketch sketch_;
  std::string source_, transport_, message_, pcap_, other_;
  bool json_ = false, live_ = false;
};

}  // namespace postern::commands
