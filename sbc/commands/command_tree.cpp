#include "sbc/commands/command_tree.hpp"

#include <algorithm>
#include <cctype>

namespace postern::commands {
namespace {

CommandOption option_of(const CLI::Option& option) {
  CommandOption out;
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  if (out.names.empty()) {
    out.value = option.get_name(true);
    std::ranges::transform(out.value, out.value.begin(),
                           [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  } else if (option.get_type_size_max() > 0) {
    out.value = option.get_type_name() + (option.get_items_expected_max() > 1 ? "..." : "");
    out.standard = option.get_default_str();
  }
  out.description = option.get_description();
  return out;
}

Command command_of(const CLI::App& app, const std::string& above) {
  Command out;
  out.path = above;
  out.description = app.get_description();
  out.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) out.options.push_back(option_of(*option));
  }
  for (const CLI::App* below : app.get_subcommands({})) {
    if (!below->get_group().empty()) out.commands.push_back(command_of(*below, above + (above.empty() ? "" : " ") + below->get_name()));
  }
  return out;
}

}  // namespace

Command command_tree(const CLI::App& app) { return command_of(app, ""); }

}  // namespace postern::commands
