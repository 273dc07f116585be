#include "sbc/commands/allow.hpp"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <map>
#include <string_view>

#include "acl/options.hpp"
#include "config/countries.hpp"
#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"

namespace postern::commands {

using nlohmann::ordered_json;

Allow::Allow(CLI::App& app, std::string& file)
    : file_(file), allow_(app.add_subcommand("allow", "Travel passes: let a device register and call from a country for a while")) {
  allow_->require_subcommand(1);
  allow_->footer(
      "Examples:\n  postern allow add 1001 --country JP --for 14d\n  postern allow list\n\nExit status: 0, 1 refused, 3 no daemon "
      "answers.");
  add_ = add_asking(*allow_, "add", "Give a device a pass: rules that refuse by country or asn do not hold for it there",
                    "  postern allow add 1001 --country JP --for 14d", file, json_);
  add_->add_option("device", device_, "the device's user name")->required();
  add_->add_option("--country", country_, "two letters")->required();
  add_->add_option("--for", duration_, "for how long: 12h, 14d")->required();
  list_ = add_asking(*allow_, "list", "List the passes that stand", "  postern allow list --json", file, json_);
  remove_ = add_asking(*allow_, "remove", "Take a pass back", "  postern allow remove 1001 --country JP", file, json_);
  remove_->add_option("device", device_, "the device's user name")->required();
  remove_->add_option("--country", country_, "only the pass for this country");
}

int Allow::run() { return list_->parsed() ? list() : change(); }

int Allow::list() {
  constexpr std::array<std::string_view, 3> keys{"device", "country", "until"};
  return print_list(file_, "allow list", json_, keys,
                    [](const ordered_json& entries) { return fmt::format("{} pass{}", entries.size(), entries.size() == 1 ? "" : "es"); });
}

int Allow::change() {
  std::map<std::string, std::string> texts{{"device", device_}};
  if (!country_.empty()) texts["country"] = country_;
  if (add_->parsed()) {
    const auto seconds = duration_argument("--for", duration_);
    if (!seconds) return exit_failed;
    texts["for"] = *seconds;
    const auto country = acl::Country::parse(country_);
    if (!country || !config::is_assigned(*country)) {
      std::cerr << fmt::format("postern: \"{}\" is no ISO 3166 country code, two letters such as JP (the United Kingdom is GB)\n",
                               config::printable(country_));
      return exit_failed;
    }
  }
  const auto answer = ask(file_, add_->parsed() ? "allow add" : "allow remove", texts);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& done = std::get<ordered_json>(answer);
  if (json_)
    std::cout << done.dump() << '\n';
  else if (add_->parsed())
    std::cout << fmt::format("{} may come from {} until {}\n", device_, done.value("country", ""), done.value("until", ""));
  else
    std::cout << fmt::format("{} of {} taken back\n", done.value("removed", 0) == 1 ? "one pass" : "all such passes", device_);
  return exit_good;
}

}  // namespace postern::commands
