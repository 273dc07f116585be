#include "sbc/commands/ask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "config/located.hpp"
#include "sbc/commands/table.hpp"
#include "sbc/net/control_client.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

constexpr int exit_good = 0;
constexpr int exit_refused = 1;
constexpr int exit_no_daemon = 3;

/// Where the daemon of that configuration is asked; nothing, which is told: the file does not say. What else may be wrong with it (it may
/// have been edited since the start) does not matter here.
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

std::string cell(const ordered_json& entry, const std::string& key) {
  const auto value = entry.find(key);
  return value != entry.end() && value->is_string() ? value->get<std::string>() : "";
}

/// `keys`: of the columns, their names in upper case are the head.
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

std::string counted(std::size_t count, std::string_view one) { return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s"); }

std::string registrations_text(const ordered_json& entries) {
  constexpr std::array<std::string_view, 7> keys{"aor", "source", "transport", "country", "expires", "since", "contact"};
  std::set<std::string> devices;
  for (const ordered_json& entry : entries) devices.insert(cell(entry, "aor"));
  const std::string summary = counted(entries.size(), "registration") + " of " + counted(devices.size(), "device") + "\n";
  return entries.empty() ? summary : table_of(entries, keys) + summary;
}

std::string calls_text(const ordered_json& entries) {
  constexpr std::array<std::string_view, 7> keys{"device", "from", "to", "state", "since", "source", "call_id"};
  const auto established = std::ranges::count_if(entries, [](const ordered_json& entry) { return cell(entry, "state") == "established"; });
  const std::string summary = fmt::format("{}, {} established\n", counted(entries.size(), "call"), established);
  return entries.empty() ? summary : table_of(entries, keys) + summary;
}

}  // namespace

Ask::Ask(CLI::App& app, std::string& file)
    : file_(file),
      registrations_(add(app, "registrations", "List the devices that are registered through the running daemon")),
      calls_(add(app, "calls", "List the calls that go through the running daemon")) {}

CLI::App* Ask::add(CLI::App& app, const std::string& name, const std::string& description) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("-c,--config", file_, "the daemon's configuration, which names its control socket")->capture_default_str();
  command->add_flag("--json", json_, "print a JSON array");
  command->footer(
      fmt::format("Examples:\n  postern {0}\n  postern {0} -c /etc/postern/postern.yaml --json\n\n"
                  "Exit status: 0, 1 refused, 3 no daemon answers.",
                  name));
  return command;
}

int Ask::run() {
  const auto socket = socket_of(file_);
  if (!socket) return exit_refused;
  const bool registrations = registrations_->parsed();
  const auto answer = net::ask_daemon(*socket, registrations ? "registrations" : "calls");
  if (const auto* none = std::get_if<net::NoAnswer>(&answer)) {
    std::cerr << "postern: " << config::printable(none->message) << '\n';
    return none->no_daemon ? exit_no_daemon : exit_refused;
  }
  const auto& entries = std::get<ordered_json>(answer);
  if (json_)
    std::cout << entries.dump(2) << '\n';
  else
    std::cout << (registrations ? registrations_text(entries) : calls_text(entries));
  return exit_good;
}

}  // namespace postern::commands
