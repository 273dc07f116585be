#include "sbc/commands/daemon.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <vector>

#include "config/load.hpp"
#include "config/located.hpp"
#include "config/values.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/table.hpp"

namespace postern::commands {

using nlohmann::ordered_json;

namespace {

/// Its head are the keys in upper case.
std::string table_of(const ordered_json& entries, std::span<const std::string_view> keys) {
  std::vector<TableRow> rows(1);
  for (const std::string_view key : keys) {
    std::string& name = rows.front().emplace_back(key);
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  }
  for (const ordered_json& entry : entries) {
    TableRow& row = rows.emplace_back();
    for (const std::string_view key : keys) row.push_back(cell(entry, std::string(key)));
  }
  std::sort(rows.begin() + 1, rows.end());
  return table(rows);
}

}  // namespace

/// What else may be wrong with the file (it may have been edited since the start) does not matter here.
std::optional<std::string> socket_of(const std::string& file) {
  const config::LoadResult loaded = config::load_file(file);
  bool readable = true;
  for (const config::Problem& problem : loaded.problems) {
    const bool unreadable = problem.path == "(file)" || problem.path == "(yaml)";
    const bool of_control = problem.path.starts_with("control");
    if (problem.severity != config::Severity::error || !(unreadable || of_control)) continue;
    std::cerr << problem.to_string() << '\n';
    readable = false;
  }
  if (!readable) return std::nullopt;
  return loaded.config.shell.control.path;
}

int tell(const net::NoAnswer& none) {
  std::cerr << "postern: " << config::printable(none.message) << '\n';
  return none.no_daemon ? exit_no_daemon : exit_failed;
}

CLI::App* add_asking(CLI::App& parent, const std::string& name, const std::string& description, const std::string& examples,
                     std::string& file, bool& json) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("-c,--config", file, "the daemon's configuration, which names its control socket")->capture_default_str();
  command->add_flag("--json", json, "print JSON");
  command->footer("Examples:\n" + examples + "\n\nExit status: 0, 1 refused, 3 no daemon answers.");
  return command;
}

std::variant<ordered_json, int> ask(const std::string& file, const std::string& command, const std::map<std::string, std::string>& texts) {
  const auto socket = socket_of(file);
  if (!socket) return exit_failed;
  auto answer = net::ask_daemon(*socket, command, texts);
  if (const auto* none = std::get_if<net::NoAnswer>(&answer)) return tell(*none);
  return std::get<ordered_json>(std::move(answer));
}

int print_list(const std::string& file, const std::string& command, bool json, std::span<const std::string_view> keys,
               const std::function<std::string(const ordered_json&)>& summary) {
  const auto answer = ask(file, command);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& entries = std::get<ordered_json>(answer);
  if (json)
    std::cout << entries.dump(2, ' ', true) << '\n';
  else
    std::cout << (entries.empty() ? "" : table_of(entries, keys)) << summary(entries) << '\n';
  return exit_good;
}

std::optional<std::string> duration_argument(std::string_view option, const std::string& text) {
  const auto duration = config::parse_duration(text);
  if (duration && *duration >= std::chrono::seconds{1})
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*duration).count());
  std::cerr << fmt::format("postern: {} wants {}\n", option, config::kinds::duration.noun);
  return std::nullopt;
}

std::string time_up(std::int64_t seconds) {
  constexpr std::int64_t minute = 60, hour = 3600, day = 86'400;
  if (seconds >= day) return fmt::format("{} d {} h", seconds / day, seconds % day / hour);
  if (seconds >= hour) return fmt::format("{} h {} min", seconds / hour, seconds % hour / minute);
  return fmt::format("{} min {} s", seconds / minute, seconds % minute);
}

std::string pbx_state(const ordered_json& pbx) {
  if (!pbx.value("up", false)) return "DOWN";
  return pbx.value("heard", false) ? "up" : "not heard from yet";
}

std::string cell(const ordered_json& entry, const std::string& key) {
  const auto value = entry.find(key);
  return value != entry.end() && value->is_string() ? value->get<std::string>() : "";
}

}  // namespace postern::commands
