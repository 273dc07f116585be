#include "sbc/commands/manual.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <string_view>

#include "config/load.hpp"
#include "config/located.hpp"
#include "config/roff.hpp"
#include "sbc/commands/command_tree.hpp"
#include "sbc/commands/exit_status.hpp"

namespace postern::commands {
namespace {

using config::roff;
using config::roff_verbatim;

struct Page {
  std::string_view name;
  std::function<std::string(const CLI::App&)> text;
};

const std::array<Page, 6>& pages() {
  static const std::array<Page, 6> all{Page{"postern.1", manual_of},
                                       Page{"postern.yaml.5", [](const CLI::App& /*app*/) { return config::manual_page(); }},
                                       Page{"configuration.md", [](const CLI::App& /*app*/) { return config::reference_page(); }},
                                       Page{"postern.bash", bash_completion},
                                       Page{"postern.zsh", zsh_completion},
                                       Page{"postern.fish", fish_completion}};
  return all;
}

std::string option_entry(const CommandOption& option) {
  std::string names;
  for (const std::string& name : option.names) names += (names.empty() ? "\\fB" : "\\fR, \\fB") + roff_verbatim(name);
  std::string out = ".TP\n" + names;
  if (!option.value.empty()) out += fmt::format("{}\\fI{}", names.empty() ? "" : "\\fR ", roff_verbatim(option.value));
  out += "\\fR\n" + roff(option.description);
  if (!option.standard.empty()) out += fmt::format(" (default: \\fB{}\\fR)", roff_verbatim(option.standard));
  return out + "\n";
}

/// "postern allow add [options] DEVICE".
std::string usage_of(const Command& command) {
  std::string out = "\\fBpostern";
  if (!command.path.empty()) out += " " + command.path;
  out += "\\fR";
  if (!command.commands.empty()) out += " \\fICOMMAND\\fR";
  out += " [\\fIoptions\\fR]";
  for (const CommandOption& option : command.options) {
    if (option.names.empty()) out += fmt::format(" \\fI{}\\fR", option.value);
  }
  return out;
}

/// Paragraphs; what is indented there is an example.
std::string footer_of(std::string_view text) {
  std::string out;
  bool example = false;
  while (!text.empty()) {
    const std::string_view line = config::take_line(text);
    const bool indented = line.starts_with("  ");
    if (indented != example) out += indented ? ".EX\n" : ".EE\n";
    example = indented;
    out += line.empty() ? ".PP\n" : (indented ? roff_verbatim(line) : roff(line)) + "\n";
  }
  return out + (example ? ".EE\n" : "");
}

/// With its end.
std::string sentence(std::string text) {
  if (!text.ends_with('?') && !text.ends_with('.')) text += '.';
  return text;
}

std::string command_entry(const Command& command) {
  std::string out =
      fmt::format(".SS {}\n{}\n.PP\n{}\n", roff_verbatim(command.path), usage_of(command), roff(sentence(command.description)));
  for (const CommandOption& option : command.options) {
    // That of all commands is told once.
    if (std::ranges::find(option.names, "--help") == option.names.end()) out += option_entry(option);
  }
  if (!command.footer.empty()) out += ".PP\n" + footer_of(command.footer);
  return out;
}

}  // namespace

std::string manual_of(const CLI::App& app) {
  const Command tree = command_tree(app);
  std::string out = fmt::format(
      ".TH POSTERN 1 \"\" \"Postern\"\n"
      ".SH NAME\npostern \\- a session border controller for SIP\n"
      ".SH SYNOPSIS\n{}\n"
      ".SH DESCRIPTION\n{}.\nIts configuration is told in\n.BR postern.yaml (5).\n.PP\n{}"
      ".SH OPTIONS\n",
      usage_of(tree), roff(tree.description), footer_of(tree.footer));
  for (const CommandOption& option : tree.options) out += option_entry(option);
  out += ".SH COMMANDS\n";
  for (const Command& command : tree.commands) each_command(command, [&out](const Command& each) { out += command_entry(each); });
  return out + ".SH SEE ALSO\n.BR postern.yaml (5)\n";
}

Manual::Manual(CLI::App& app) : app_(app), command_(app.add_subcommand("manual", "Print a page that is made from the program")) {
  command_->group("");
  command_->add_option("page", page_)->required();
}

int Manual::run() const {
  const auto found = std::ranges::find(pages(), page_, &Page::name);
  if (found == pages().end()) {
    std::cerr << "postern manual: there is no page " << config::in_quotes(page_) << '\n';
    return exit_usage;
  }
  std::cout << found->text(app_);
  return exit_good;
}

}  // namespace postern::commands
