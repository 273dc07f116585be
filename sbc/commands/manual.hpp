// `postern manual`: what is made from the command line and the schema, for scripts/generate-docs. It stands in no help.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace postern::commands {

class Manual {
 public:
  /// Adds the command; `app` must outlive it, and is read when run() is called, so that it knows all commands.
  explicit Manual(CLI::App& app);

  [[nodiscard]] bool parsed() const { return command_->parsed(); }
  /// Prints a page; 2: there is no such.
  int run() const;

 private:
  const CLI::App& app_;
  CLI::App* command_;
  std::string page_;
};

/// postern(1).
std::string manual_of(const CLI::App& app);
/// What a shell completes: commands, options and, where an option takes a value or a command a word, files.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace postern::commands
