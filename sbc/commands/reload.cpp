#include "sbc/commands/reload.hpp"

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <vector>

#include "config/load.hpp"
#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/problems.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

std::vector<config::Problem> problems_in(const ordered_json& answer, config::Severity severity) {
  std::vector<config::Problem> problems;
  for (const ordered_json& each : answer)
    problems.push_back(
        {cell(each, "file"), each.value("line", 1), each.value("column", 1), cell(each, "path"), severity, cell(each, "message")});
  return problems;
}

}  // namespace

Reload::Reload(CLI::App& app, std::string& file)
    : file_(file),
      reload_(add_asking(app, "reload", "Take the configuration over that the file says now: all of it, or nothing",
                         "  postern reload\n  postern reload --confirm 60s   # what held before is back after a minute\n"
                         "  postern confirm                # unless this follows",
                         file, json_)),
      confirm_(add_asking(app, "confirm", "Keep what `postern reload --confirm` has taken over", "  postern confirm", file, json_)) {
  reload_->add_option("--confirm", time_, "go back after so long, unless `postern confirm` follows: 60s, 5m");
}

int Reload::run() { return reload_->parsed() ? reload() : confirm(); }

int Reload::reload() {
  std::map<std::string, std::string> texts;
  if (!time_.empty()) {
    const auto seconds = duration_argument("--confirm", time_);
    if (!seconds) return exit_failed;
    texts["confirm"] = *seconds;
  }
  const auto answer = ask(file_, "reload", texts);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& result = std::get<ordered_json>(answer);
  const bool applied = cell(result, "result") == "applied";
  if (json_) {
    std::cout << result.dump(2, ' ', true) << '\n';
  } else if (applied) {
    print_problems(problems_in(result.at("warnings"), config::Severity::warning));
    std::cout << fmt::format("applied: {}\n", config::printable(cell(result, "changes")));
    if (const std::string until = cell(result, "confirm_until"); !until.empty())
      std::cout << fmt::format("what held before is back at {}, unless `postern confirm` follows\n", until);
  } else {
    print_problems(problems_in(result.at("problems"), config::Severity::error));
    std::cerr << "refused: nothing has changed\n";
  }
  return applied ? exit_good : exit_failed;
}

int Reload::confirm() {
  const auto answer = ask(file_, "confirm");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  std::cout << (json_ ? std::get<ordered_json>(answer).dump() : std::string("confirmed: it stays")) << '\n';
  return exit_good;
}

}  // namespace postern::commands
