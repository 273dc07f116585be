#include "sbc/net/explanation_json.hpp"

#include <nlohmann/json.hpp>

namespace postern::net {
namespace {

nlohmann::ordered_json score_of(const sbc::Explanation& explanation) {
  if (!explanation.score) return nullptr;
  nlohmann::ordered_json signs = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < acl::scanner_signs.size(); ++i) {
    const auto points = explanation.score->points(static_cast<acl::ScannerSign>(i));
    if (points > 0) signs.push_back({{"sign", acl::scanner_signs[i].word}, {"points", points}, {"meaning", acl::scanner_signs[i].help}});
  }
  return {{"sum", explanation.score->sum()}, {"ban", explanation.score_bans.value_or(0)}, {"signs", std::move(signs)}};
}

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
  if (!explanation.detail.empty()) json["detail"] = explanation.detail;
  if (!explanation.spared.empty()) json["pass"] = explanation.spared;
  json["score"] = score_of(explanation);
  if (explanation.outcome == sbc::Outcome::call_denied) {
    json["number"] = explanation.number;
    json["class"] = explanation.number_class.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(explanation.number_class);
  }
  return json;
}

}  // namespace postern::net
