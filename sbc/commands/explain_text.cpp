#include "sbc/commands/explain_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/located.hpp"

namespace postern::commands {
namespace {

std::string verdict_of(const sbc::Explanation& explanation) {
  const char* const word = acl::to_string(explanation.verdict);
  return explanation.status == 0 ? word : fmt::format("{} {}", word, explanation.status);
}

std::string place_of(const acl::SourceLine& at) { return fmt::format("{}:{}", config::printable(at.file), at.line); }

nlohmann::ordered_json score_of(const sbc::Explanation& explanation) {
  if (!explanation.score) return nullptr;
  nlohmann::ordered_json signs = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < acl::scanner_signs.size(); ++i) {
    const auto points = explanation.score->points(static_cast<acl::ScannerSign>(i));
    if (points > 0) signs.push_back({{"sign", acl::scanner_signs[i].word}, {"points", points}, {"meaning", acl::scanner_signs[i].help}});
  }
  return {{"sum", explanation.score->sum()}, {"ban", explanation.score_bans.value_or(0)}, {"signs", std::move(signs)}};
}

std::string score_in_full(const sbc::Explanation& explanation) {
  if (!explanation.score) return {};
  std::string text = fmt::format("score:   {} of {}\n", explanation.score->sum(), explanation.score_bans.value_or(0));
  for (std::size_t i = 0; i < acl::scanner_signs.size(); ++i) {
    const auto points = explanation.score->points(static_cast<acl::ScannerSign>(i));
    if (points > 0) text += fmt::format("  {:>3} {} ({})\n", points, acl::scanner_signs[i].word, acl::scanner_signs[i].help);
  }
  return text;
}

bool by_default(const sbc::Explanation& explanation) { return explanation.rule == acl::Verdict::default_rule; }

}  // namespace

nlohmann::ordered_json to_json(const sbc::Explanation& explanation) {
  nlohmann::ordered_json json{{"verdict", acl::to_string(explanation.verdict)},
                              {"reason", sbc::info(explanation.outcome).word},
                              {"rule", nullptr},
                              {"file", nullptr},
                              {"line", nullptr},
                              {"status", nullptr}};
  if (!explanation.rule_name.empty()) json["rule"] = explanation.rule_name;
  if (!explanation.at.file.empty()) {
    json["file"] = explanation.at.file;
    json["line"] = explanation.at.line;
  }
  if (explanation.status != 0) json["status"] = explanation.status;
  json["score"] = score_of(explanation);
  if (explanation.outcome == sbc::Outcome::call_denied) {
    json["number"] = explanation.number;
    json["class"] = explanation.number_class.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(explanation.number_class);
  }
  return json;
}

std::string in_one_line(const sbc::Explanation& explanation) {
  std::string text = verdict_of(explanation);
  if (by_default(explanation))
    text += " by default_action";
  else if (explanation.rule)
    text += fmt::format(" by the rule {}", config::in_quotes(explanation.rule_name));
  else if (!explanation.rule_name.empty())
    text += fmt::format(" by {}", config::printable(explanation.rule_name));
  if (!explanation.at.file.empty()) text += fmt::format(" ({})", place_of(explanation.at));
  text += fmt::format(", reason {}", sbc::info(explanation.outcome).word);
  return explanation.detail.empty() ? text : text + fmt::format(" ({})", explanation.detail);
}

std::string in_full(const sbc::Explanation& explanation) {
  const sbc::OutcomeInfo& outcome = sbc::info(explanation.outcome);
  std::string text = fmt::format("verdict: {}\n", verdict_of(explanation));
  text += fmt::format("reason:  {} ({})\n", outcome.word, outcome.help);
  if (!explanation.detail.empty()) text += fmt::format("detail:  {}\n", explanation.detail);
  if (explanation.outcome == sbc::Outcome::call_denied)
    text += fmt::format("number:  {} ({})\n", config::in_quotes(explanation.number),
                        explanation.number_class.empty() ? "in no class" : "class " + config::in_quotes(explanation.number_class));
  if (!explanation.rule_name.empty()) text += fmt::format("rule:    {}\n", config::printable(explanation.rule_name));
  if (!explanation.at.file.empty()) text += fmt::format("at:      {}\n", place_of(explanation.at));
  if (!explanation.spared.empty())
    text += fmt::format("pass:    a travel pass stands: the rule {} does not hold\n", config::in_quotes(explanation.spared));
  text += score_in_full(explanation);
  if (outcome.kind != sbc::OutcomeKind::refused)
    text += "beside:  bans, blocks and weak passwords are not looked at here: postern bans list\n";
  return text;
}

std::string dump(const nlohmann::ordered_json& json) { return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace); }

}  // namespace postern::commands
