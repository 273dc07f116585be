#include "sbc/commands/why.hpp"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <utility>

#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/net/refusals.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

std::string line(std::string_view name, const std::string& value) {
  return value.empty() ? std::string() : fmt::format("{:<11}{}\n", name, config::printable(value));
}

std::string with_meaning(const ordered_json& refusal) {
  const std::string reason = cell(refusal, "reason");
  return reason.empty() ? reason : fmt::format("{} ({})", reason, cell(refusal, "meaning"));
}

std::string rule_of(const ordered_json& refusal) {
  std::string rule = cell(refusal, "rule");
  if (rule.empty() || refusal.at("file").is_null()) return rule;
  return fmt::format("{} ({}:{})", rule, cell(refusal, "file"), refusal.at("line").get<int>());
}

std::string others_of(const ordered_json& refusal) {
  std::string text;
  for (const auto& [reason, count] : refusal.at("of_source").items())
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count.get<std::uint64_t>(), reason);
  return text.empty() ? "no other that is remembered" : text;
}

/// Escaped by the daemon.
std::string evidence_of(const ordered_json& refusal) {
  const std::string text = cell(refusal, "evidence");
  if (text.empty()) return "evidence   none is kept of it\n";
  constexpr std::size_t most = net::Refusals::most_evidence;
  const auto bytes = refusal.at("evidence_bytes").get<std::size_t>();
  std::string out =
      fmt::format("evidence   the packet, {} bytes{}:\n", bytes, bytes > most ? fmt::format(", of which the first {}", most) : "");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += "  | " + config::printable(text.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out;
}

std::string refusal_text(const ordered_json& refusal) {
  constexpr std::array<std::pair<std::string_view, const char*>, 11> plain{{{"source", "source"},
                                                                            {"country", "country"},
                                                                            {"method", "method"},
                                                                            {"device", "device"},
                                                                            {"number", "number"},
                                                                            {"class", "class"},
                                                                            {"agent", "user_agent"},
                                                                            {"call id", "call_id"},
                                                                            {"listener", "listener"},
                                                                            {"detail", "detail"},
                                                                            {"message", "message"}}};
  std::string text = line("when", cell(refusal, "time")) + line("what", cell(refusal, "event")) + line("reason", with_meaning(refusal)) +
                     line("rule", rule_of(refusal));
  for (const auto& [name, key] : plain) text += line(name, cell(refusal, key));
  if (const auto strikes = refusal.at("strikes").get<std::uint64_t>(); strikes > 0) text += line("strikes", std::to_string(strikes));
  text += line("beside", others_of(refusal));
  for (const ordered_json& state : refusal.at("state")) text += line("now", state.get<std::string>());
  return text + evidence_of(refusal);
}

}  // namespace

Why::Why(CLI::App& app, std::string& file)
    : file_(file),
      command_(add_asking(app, "why",
                          "Explain a refusal by the id that stands in the log (id=...): the rule, what was counted, the evidence",
                          "  postern why 6g2k1a\n  journalctl -u postern | grep event=refused | tail -1   # names one", file, json_)) {
  command_->add_option("id", id_, "as the log names it")->required();
}

int Why::run() {
  const auto answer = ask(file_, "why", {{"id", id_}});
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& refusal = std::get<ordered_json>(answer);
  std::cout << (json_ ? refusal.dump(2, ' ', true) + "\n" : refusal_text(refusal));
  return exit_good;
}

}  // namespace postern::commands
