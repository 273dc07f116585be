#include "sbc/commands/explain_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/outcome.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

std::string verdict_of(const ordered_json& explanation) {
  const std::string word = cell(explanation, "verdict");
  return explanation.at("status").is_null() ? word : fmt::format("{} {}", word, explanation.at("status").get<int>());
}

std::string place_of(const ordered_json& explanation) {
  return fmt::format("{}:{}", config::printable(cell(explanation, "file")), explanation.at("line").get<int>());
}

const sbc::OutcomeInfo& outcome_of(const ordered_json& explanation) {
  const std::string word = cell(explanation, "reason");
  const auto found = std::ranges::find(sbc::outcome_table, std::string_view(word), &sbc::OutcomeInfo::word);
  return found == sbc::outcome_table.end() ? sbc::outcome_table.front() : *found;
}

std::string score_in_full(const ordered_json& score) {
  if (score.is_null()) return {};
  std::string text = fmt::format("score:   {} of {}\n", score.at("sum").get<int>(), score.at("ban").get<int>());
  for (const ordered_json& sign : score.at("signs"))
    text += fmt::format("  {:>3} {} ({})\n", sign.at("points").get<int>(), cell(sign, "sign"), cell(sign, "meaning"));
  return text;
}

}  // namespace

std::string in_one_line(const ordered_json& explanation) {
  std::string text = verdict_of(explanation);
  const std::string rule = cell(explanation, "rule");
  if (rule == "default_action")
    text += " by default_action";
  else if (!rule.empty())
    text += fmt::format(" by the rule {}", config::in_quotes(rule));
  if (!cell(explanation, "file").empty()) text += fmt::format(" ({})", place_of(explanation));
  text += fmt::format(", reason {}", cell(explanation, "reason"));
  const std::string detail = cell(explanation, "detail");
  return detail.empty() ? text : text + fmt::format(" ({})", config::printable(detail));
}

std::string in_full(const ordered_json& explanation) {
  const sbc::OutcomeInfo& outcome = outcome_of(explanation);
  std::string text = fmt::format("verdict: {}\n", verdict_of(explanation));
  text += fmt::format("reason:  {} ({})\n", outcome.word, outcome.help);
  if (const std::string detail = cell(explanation, "detail"); !detail.empty())
    text += fmt::format("detail:  {}\n", config::printable(detail));
  if (explanation.contains("number")) {
    const std::string number_class = cell(explanation, "class");
    text += fmt::format("number:  {} ({})\n", config::in_quotes(cell(explanation, "number")),
                        number_class.empty() ? "in no class" : "class " + config::in_quotes(number_class));
  }
  if (const std::string rule = cell(explanation, "rule"); !rule.empty()) text += fmt::format("rule:    {}\n", config::printable(rule));
  if (!cell(explanation, "file").empty()) text += fmt::format("at:      {}\n", place_of(explanation));
  if (const std::string pass = cell(explanation, "pass"); !pass.empty())
    text += fmt::format("pass:    a travel pass stands: the rule {} does not hold\n", config::in_quotes(pass));
  text += score_in_full(explanation.at("score"));
  if (const auto state = explanation.find("state"); state != explanation.end()) {
    for (const ordered_json& line : *state) text += fmt::format("state:   {}\n", config::printable(line.get<std::string>()));
  } else if (outcome.kind != sbc::OutcomeKind::refused) {
    text += "beside:  bans, blocks and weak passwords are not looked at here: postern explain --live\n";
  }
  return text;
}

std::string dump(const ordered_json& json) { return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

}  // namespace postern::commands
