#include "sbc/commands/switches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <variant>

#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/net/warnings.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

/// What stands now, a line each.
std::string standing_text(const ordered_json& stands) {
  std::string text;
  for (const std::string& line : net::switch_warnings(stands)) text += config::printable(line) + "\n";
  if (text.empty()) text = "nothing is switched\n";
  if (const std::string warning = cell(stands, "warning"); !warning.empty()) text += config::printable(warning) + "\n";
  return text;
}

/// A name that was mistyped blocks nobody: it stands, since a phone that is switched off is blocked as well, but is told.
void tell_nobody_registered(const std::string& file, const std::string& device) {
  const auto answer = ask(file, "registrations");
  const auto* registrations = std::get_if<ordered_json>(&answer);
  if (registrations == nullptr) return;
  if (std::ranges::any_of(*registrations, [&](const ordered_json& entry) { return cell(entry, "aor") == device; })) return;
  std::cerr << fmt::format("nobody is registered as {} now: is that its user name? `postern registrations` lists who is\n",
                           config::printable(device));
}

}  // namespace

Switches::Switches(CLI::App& app, std::string& file)
    : file_(file),
      bypass_(add_asking(app, "bypass",
                         "Refuse nothing but by traps, blocks and limits.pbx, and ban nobody, for a while: is it Postern that refuses?",
                         "  postern bypass --for 30m\n  postern bypass --off", file, json_)),
      lockdown_(add_asking(app, "lockdown", "Serve only registered phones, trusted networks, trunks and emergency calls, for a while",
                           "  postern lockdown --for 1h\n  postern lockdown --off", file, json_)),
      block_(add_asking(app, "block", "Keep one device out: a phone that was stolen, or one that calls what nobody ordered",
                        "  postern block 1001 --for 1d\n  postern block 1001 --outgoing   # it may register and be called\n"
                        "  postern block 1001 --off",
                        file, json_)) {
  duration_ = "1h";
  for (CLI::App* command : {bypass_, lockdown_, block_}) {
    CLI::Option* time = command->add_option(
        "--for", duration_, command == block_ ? "for how long: 30m, 1d (default: one day)" : "for how long: 30m, 2h (default: one hour)");
    command->add_flag("--off", off_, "end it now")->excludes(time);
  }
  block_->add_option("device", device_, "the device's user name")->required();
  block_->add_flag("--outgoing", outgoing_, "only calls and transfers that it begins");
}

int Switches::run() {
  const bool block = block_->parsed();
  if (block && block_->count("--for") == 0) duration_ = "1d";
  std::map<std::string, std::string> texts;
  if (off_) {
    texts["off"] = "yes";
  } else {
    const auto seconds = duration_argument("--for", duration_);
    if (!seconds) return exit_failed;
    texts["for"] = *seconds;
  }
  if (block) texts["device"] = device_;
  if (outgoing_) texts["outgoing"] = "yes";
  const auto answer = ask(file_, block ? "block" : bypass_->parsed() ? "bypass" : "lockdown", texts);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& stands = std::get<ordered_json>(answer);
  std::cout << (json_ ? stands.dump(2, ' ', true) + "\n" : standing_text(stands));
  if (block && !off_) tell_nobody_registered(file_, device_);
  return exit_good;
}

}  // namespace postern::commands
