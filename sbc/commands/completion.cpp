// What shells complete, from the command line itself.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sbc/commands/command_tree.hpp"
#include "sbc/commands/manual.hpp"

namespace postern::commands {
namespace {

constexpr const char* made = "# Made by scripts/generate-docs from the command line itself.\n";

std::string words(const std::vector<std::string>& all) { return fmt::format("{}", fmt::join(all, " ")); }

std::vector<std::string> option_names(const Command& command, bool with_value_only) {
  std::vector<std::string> names;
  for (const CommandOption& option : command.options) {
    if (!with_value_only || !option.value.empty()) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::string last_word(const std::string& path) { return path.substr(path.rfind(' ') + 1); }

std::vector<std::string> command_names(const Command& command) {
  std::vector<std::string> names;
  std::ranges::transform(command.commands, std::back_inserter(names), [](const Command& below) { return last_word(below.path); });
  return names;
}

/// The branches of a shell's `case` over the command that is typed so far: its commands, its options and those of them that take a value.
std::string branches(const Command& tree) {
  std::string out;
  each_command(tree, [&out](const Command& command) {
    out += fmt::format("    '{}')\n      commands='{}'\n      options='{}'\n      valued='{}' ;;\n", command.path,
                       words(command_names(command)), words(option_names(command, false)), words(option_names(command, true)));
  });
  return out;
}

/// Of a shell's `case`: each path that goes on from the one so far.
std::string paths(const Command& tree) {
  std::vector<std::string> all;
  each_command(tree, [&all](const Command& command) {
    if (!command.path.empty()) all.push_back("'" + command.path + "'");
  });
  return fmt::format("{}", fmt::join(all, " | "));
}

/// `text` in single quotes, for a shell that takes \' there as fish does.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// When the command is the one that is typed: all of its words are there, and none of those below it.
std::string fish_condition(const Command& command) {
  std::string out;
  std::size_t begin = 0;
  while (begin < command.path.size()) {
    const std::size_t end = std::min(command.path.find(' ', begin), command.path.size());
    out += fmt::format("{}__fish_seen_subcommand_from {}", out.empty() ? "" : "; and ", command.path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!command.commands.empty())
    out += fmt::format("{}not __fish_seen_subcommand_from {}", out.empty() ? "" : "; and ", words(command_names(command)));
  return "'" + out + "'";
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  const Command tree = command_tree(app);
  return fmt::format(
      "# bash completion for postern\n{0}"
      "_postern() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command='' commands options valued next i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    next=\"${{command:+$command }}${{COMP_WORDS[i]}}\"\n"
      "    case $next in\n      {1}) command=$next ;;\n    esac\n"
      "  done\n"
      "  case $command in\n{2}  esac\n"
      "  COMPREPLY=()\n"
      "  # What an option takes is a file's name, or nothing that is known here.\n"
      "  case \" $valued \" in *\" $previous \"*) return ;; esac\n"
      "  case $word in -*) commands=$options ;; esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$word\")\n"
      "}}\n"
      "complete -o bashdefault -o default -F _postern postern\n",
      made, paths(tree), branches(tree));
}

std::string zsh_completion(const CLI::App& app) {
  const Command tree = command_tree(app);
  return fmt::format(
      "#compdef postern\n{0}"
      "_postern() {{\n"
      "  local command='' commands options valued next word\n"
      "  for word in ${{words[2,CURRENT-1]}}; do\n"
      "    next=\"${{command:+$command }}$word\"\n"
      "    case $next in\n      {1}) command=$next ;;\n    esac\n"
      "  done\n"
      "  case $command in\n{2}  esac\n"
      "  if [[ \" $valued \" == *\" ${{words[CURRENT-1]}} \"* ]]; then\n    _files\n"
      "  elif [[ ${{words[CURRENT]}} == -* ]]; then\n    compadd -- ${{=options}}\n"
      "  elif [[ -n $commands ]]; then\n    compadd -- ${{=commands}}\n"
      "  else\n    _files\n  fi\n"
      "}}\n"
      "_postern \"$@\"\n",
      made, paths(tree), branches(tree));
}

std::string fish_completion(const CLI::App& app) {
  std::string out = std::string("# fish completion for postern\n") + made;
  each_command(command_tree(app), [&out](const Command& command) {
    const std::string condition = fish_condition(command);
    for (const Command& below : command.commands)
      out += fmt::format("complete -c postern -f -n {} -a {} -d {}\n", condition, last_word(below.path), fish_quoted(below.description));
    for (const CommandOption& option : command.options) {
      if (option.names.empty()) continue;
      out += fmt::format("complete -c postern -n {}", condition);
      for (const std::string& name : option.names) out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      out += fmt::format("{} -d {}\n", option.value.empty() ? "" : " -r", fish_quoted(option.description));
    }
  });
  return out;
}

}  // namespace postern::commands
