// The command line as its manual and the shells' completion need it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace postern::commands {

struct CommandOption {
  std::vector<std::string> names;  ///< "-c", "--config"; of what stands in its own place none
  std::string value;               ///< what it takes, empty: nothing
  std::string standard;            ///< its default
  std::string description;
};

struct Command {
  std::string path;  ///< "bans list"; of postern itself empty
  std::string description, footer;
  std::vector<CommandOption> options;
  std::vector<Command> commands;
};

/// All that help shows.
Command command_tree(const CLI::App& app);

/// Of all commands, those below others behind them, `visit(command)` is called.
template <class Visit>
void each_command(const Command& command, Visit visit) {
  visit(command);
  for (const Command& below : command.commands) each_command(below, visit);
}

}  // namespace postern::commands
