#include "sbc/commands/bans.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <iostream>
#include <map>

#include "config/values.hpp"
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
  const auto answer = ask(file_, "bans list");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& entries = std::get<ordered_json>(answer);
  if (json_) {
    std::cout << entries.dump(2) << '\n';
    return exit_good;
  }
  constexpr std::array<std::string_view, 7> keys{"address", "account", "cause", "evidence", "proof", "since", "until"};
  if (!entries.empty()) std::cout << table_of(entries, keys);
  std::cout << fmt::format("{} kept out\n", entries.size());
  return exit_good;
}

int Bans::change() {
  std::map<std::string, std::string> texts;
  if (!address_.empty()) texts["address"] = address_;
  if (!account_.empty()) texts["account"] = account_;
  if (add_->parsed()) {
    const auto duration = config::parse_duration(duration_);
    if (!duration || *duration < std::chrono::seconds{1}) {
      std::cerr << fmt::format("postern: --for wants {}\n", config::kinds::duration.noun);
      return exit_failed;
    }
    texts["for"] = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*duration).count());
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
  }
  return exit_good;
}

}  // namespace postern::commands
