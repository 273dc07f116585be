#include "sbc/commands/policy_tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "config/located.hpp"
#include "sbc/commands/explain_text.hpp"
#include "sbc/explain.hpp"
#include "sbc/net/explanation_json.hpp"

namespace postern::commands {
namespace {

/// What is wrong, if anything is.
std::optional<std::string> failure_of(const config::PolicyTest& test, const config::LoadResult& loaded) {
  const auto result = sbc::explain(loaded.config.engine, loaded.policy, test.request);
  if (const auto* problem = std::get_if<std::string>(&result)) return config::printable(*problem);
  const auto& explanation = std::get<sbc::Explanation>(result);
  if (test.verdict ? explanation.verdict == *test.verdict : explanation.status == test.status) return std::nullopt;
  const std::string expected = test.verdict ? acl::to_string(*test.verdict) : std::to_string(test.status);
  return fmt::format("expected {}, got {}", expected, in_one_line(net::to_json(explanation)));
}

}  // namespace

void run_policy_tests(config::LoadResult& loaded, const std::string& file) {
  if (!loaded.ok()) return;
  bool failed = false;
  for (const config::PolicyTest& test : loaded.config.policy_tests) {
    if (loaded.problems.size() >= config::Report::max_problems) break;
    const auto failure = failure_of(test, loaded);
    if (!failure) continue;
    failed = true;
    const std::string name = test.name.empty() ? std::string() : config::in_quotes(test.name) + ": ";
    loaded.problems.push_back({file, test.line, test.column, test.path, config::Severity::error, name + *failure});
  }
  if (!failed) return;
  loaded.policy.reset();
  std::ranges::sort(loaded.problems, {}, [](const config::Problem& p) { return std::tie(p.file, p.line, p.column, p.path, p.message); });
}

}  // namespace postern::commands
