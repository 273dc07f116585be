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

#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

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
      registrations_(add_asking(app, "registrations", "List the devices that are registered through the running daemon",
                                "  postern registrations\n  postern registrations -c /etc/postern/postern.yaml --json", file, json_)),
      calls_(add_asking(app, "calls", "List the calls that go through the running daemon",
                        "  postern calls\n  postern calls -c /etc/postern/postern.yaml --json", file, json_)) {}

int Ask::run() {
  const bool registrations = registrations_->parsed();
  const auto answer = ask(file_, registrations ? "registrations" : "calls");
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& entries = std::get<ordered_json>(answer);
  if (json_)
    std::cout << entries.dump(2) << '\n';
  else
    std::cout << (registrations ? registrations_text(entries) : calls_text(entries));
  return exit_good;
}

}  // namespace postern::commands
