#include "sbc/commands/ask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "sbc/commands/daemon.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

std::string counted(std::size_t count, std::string_view one) { return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s"); }

std::string registrations_summary(const ordered_json& entries) {
  std::set<std::string> devices;
  for (const ordered_json& entry : entries) devices.insert(cell(entry, "aor"));
  return counted(entries.size(), "registration") + " of " + counted(devices.size(), "device");
}

std::string calls_summary(const ordered_json& entries) {
  const auto established = std::ranges::count_if(entries, [](const ordered_json& entry) { return cell(entry, "state") == "established"; });
  return fmt::format("{}, {} established", counted(entries.size(), "call"), established);
}

}  // namespace

Ask::Ask(CLI::App& app, std::string& file)
    : file_(file),
      registrations_(add_asking(app, "registrations", "List the devices that are registered through the running daemon",
                                "  postern registrations\n  postern registrations -c /etc/postern/postern.yaml --json", file, json_)),
      calls_(add_asking(app, "calls", "List the calls that go through the running daemon",
                        "  postern calls\n  postern calls -c /etc/postern/postern.yaml --json", file, json_)) {}

int Ask::run() {
  constexpr std::array<std::string_view, 7> of_registration{"aor", "source", "transport", "country", "expires", "since", "contact"};
  constexpr std::array<std::string_view, 7> of_call{"device", "from", "to", "state", "since", "source", "call_id"};
  if (registrations_->parsed()) return print_list(file_, "registrations", json_, of_registration, registrations_summary);
  return print_list(file_, "calls", json_, of_call, calls_summary);
}

}  // namespace postern::commands
