#include "sbc/commands/status.hpp"

#include <fmt/format.h>

#include <iostream>

#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

std::string status_text(const ordered_json& status) {
  std::string text;
  for (const ordered_json& warning : status.at("warnings")) text += fmt::format("!! {}\n", config::printable(warning.get<std::string>()));
  const ordered_json& config = status.at("config");
  text += fmt::format("postern {}, up for {}\n", cell(status, "version"), time_up(status.at("uptime_s").get<std::int64_t>()));
  text += fmt::format("config         {}, {} reloads, {} refused\n", config::printable(cell(config, "file")), config.at("reloads").dump(),
                      config.at("refused_reloads").dump());
  for (const ordered_json& listener : status.at("listeners"))
    text += fmt::format("listens on     {}{}\n", cell(listener, "address"), listener.at("trap").get<bool>() ? " (a trap)" : "");
  for (const ordered_json& pbx : status.at("pbx")) text += fmt::format("PBX            {} {}\n", cell(pbx, "address"), pbx_state(pbx));
  for (const ordered_json& address : status.at("core")) text += fmt::format("which sees     {}\n", address.get<std::string>());
  text += fmt::format("registrations  {}\ncalls          {}\nbans           {}, {} accounts blocked\n", status.at("registrations").dump(),
                      status.at("calls").dump(), status.at("bans").dump(), status.at("blocks").dump());
  if (!status.at("durable").get<bool>()) text += "state          NOT kept: a kill would lose registrations and bans (see the log)\n";
  return text;
}

}  // namespace

Status::Status(CLI::App& app, std::string& file)
    : file_(file),
      command_(add_asking(app, "status", "Tell how the running daemon is; what is switched stands on top",
                          "  postern status\n  postern status -c /etc/postern/postern.yaml --json", file, json_)) {}

int Status::run() {
  const auto answer = ask(file_, "status");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& status = std::get<ordered_json>(answer);
  std::cout << (json_ ? status.dump(2, ' ', true) + "\n" : status_text(status));
  return exit_good;
}

}  // namespace postern::commands
