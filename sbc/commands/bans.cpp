#include "sbc/commands/bans.hpp"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <map>
#include <string_view>

#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"

namespace postern::commands {

using nlohmann::ordered_json;

Bans::Bans(CLI::App& app, std::string& file)
    : file_(file), bans_(app.add_subcommand("bans", "Who is kept out of the running daemon: list, add, remove, clear")) {
  bans_->require_subcommand(1);
  bans_->footer("Examples:\n  postern bans list\n  postern bans remove 192.0.2.9\n\nExit status: 0, 1 refused, 3 no daemon answers.");
  list_ = add_asking(*bans_, "list", "List bans, silences and blocked accounts, with cause and proof", "  postern bans list --json", file,
                     json_);
  add_ = add_asking(*bans_, "add", "Ban an address (of IPv6 its /64)", "  postern bans add 192.0.2.9 --for 1d", file, json_);
  add_->add_option("address", address_, "the address to ban")->required();
  add_->add_option("--for", duration_, "for how long: 30m, 12h, 7d")->capture_default_str();
  remove_ = add_asking(*bans_, "remove", "Let an address, or an account there, in again", "  postern bans remove 192.0.2.9 --account 1001",
                       file, json_);
  remove_->add_option("address", address_, "the banned address")->required();
  remove_->add_option("--account", account_, "only the block of this account there");
  clear_ = add_asking(*bans_, "clear", "Let everybody in again", "  postern bans clear", file, json_);
}

int Bans::run() { return list_->parsed() ? list() : change(); }

int Bans::list() {
  constexpr std::array<std::string_view, 7> keys{"address", "account", "cause", "evidence", "proof", "since", "until"};
  return print_list(file_, "bans list", json_, keys,
                    [](const ordered_json& entries) { return fmt::format("{} kept out", entries.size()); });
}

int Bans::change() {
  std::map<std::string, std::string> texts;
  if (!address_.empty()) texts["address"] = address_;
  if (!account_.empty()) texts["account"] = account_;
  if (add_->parsed()) {
    const auto seconds = duration_argument("--for", duration_);
    if (!seconds) return exit_failed;
    texts["for"] = *seconds;
  }
  const auto answer = ask(file_, add_->parsed() ? "bans add" : remove_->parsed() ? "bans remove" : "bans clear", texts);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& done = std::get<ordered_json>(answer);
  if (json_) {
    std::cout << done.dump() << '\n';
  } else if (clear_->parsed()) {
    std::cout << fmt::format("{} let in again\n", done.value("pardoned", 0));
  } else {
    std::cout << fmt::format("{} {}\n", address_, add_->parsed() ? "is banned" : "is let in again");
    if (const auto devices = done.value("devices", 0); devices > 0)
      std::cout << fmt::format(
          "{} {} registered there: live registrations and accounts that were accepted from there go on; change the "
          "password of whoever is not to\n",
          devices, devices == 1 ? "device is" : "devices are");
  }
  return exit_good;
}

}  // namespace postern::commands
