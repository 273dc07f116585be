#include "sbc/commands/alerts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"

namespace postern::commands {

using nlohmann::ordered_json;

Alerts::Alerts(CLI::App& app, std::string& file) : file_(file), alerts_(app.add_subcommand("alerts", "Alerts by webhook and command")) {
  alerts_->require_subcommand(1);
  alerts_->footer("Examples:\n  postern alerts test\n\nExit status: 0 delivered by each way, 1 not, 3 no daemon answers.");
  add_asking(*alerts_, "test", "Have the running daemon deliver a test alert by each way that it has, and print what becomes of it",
             "  postern alerts test\n  postern alerts test -c /etc/postern/postern.yaml --json", file, json_);
}

int Alerts::run() {
  const auto answer = ask(file_, "alerts test");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& ways = std::get<ordered_json>(answer);
  const auto delivered = [](const ordered_json& way) { return way.value("delivered", false); };
  if (json_) {
    std::cout << ways.dump(2, ' ', true) << '\n';
  } else {
    for (const ordered_json& way : ways) {
      std::cout << fmt::format("{} {}: {}: {}\n", cell(way, "way"), cell(way, "to"), delivered(way) ? "delivered" : "failed",
                               cell(way, "result"));
    }
  }
  return std::ranges::all_of(ways, delivered) ? exit_good : exit_failed;
}

}  // namespace postern::commands
