#include "config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "acl/policy.hpp"
#include "config/checks.hpp"
#include "config/files.hpp"
#include "config/reader.hpp"
#include "config/resolve.hpp"
#include "config/rules.hpp"
#include "config/yaml_tree.hpp"

namespace postern::config {
namespace {

const char* word_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

/// What only shows when all is put together: the last word is that of the compiler that `run` will ask too.
void check_policy(const Draft& draft, const Resolved& resolved, Report& report) {
  check_rules(draft, report);
  const auto compiled = acl::Policy::compile(draft.config.policy, resolved.geo);
  if (const auto* error = std::get_if<std::string>(&compiled)) report.error({{}, "rules"}, *error);
}

Config load(const YamlNode& root, const std::string& directory, Report& report) {
  Draft draft;
  Reader(draft, report).read(root);
  Resolved resolved = Resolver(draft, report, directory).resolve();
  resolve_rules(draft, resolved, report);
  check_addresses(draft, report);
  // A rule that lost a condition to an error would be judged by what it does not say.
  if (!report.has_errors()) check_policy(draft, resolved, report);
  return std::move(draft.config);
}

}  // namespace

std::string Problem::to_string() const {
  return fmt::format("{}:{}:{}: {}: {}{}", file, line, column, path, severity == Severity::warning ? "warning: " : "", message);
}

bool LoadResult::ok() const {
  return std::none_of(problems.begin(), problems.end(), [](const Problem& problem) { return problem.severity == Severity::error; });
}

LoadResult load_text(std::string_view text, const std::string& name, const std::string& directory) {
  Report report(name);
  LoadResult result;
  if (const NodePtr root = parse_yaml(text, report)) result.config = load(*root, directory, report);
  result.problems = report.take();
  return result;
}

LoadResult load_file(const std::string& path) {
  const auto text = read_file(path, YamlLimits::file_bytes);
  if (const auto* error = std::get_if<FileError>(&text)) {
    Report report(path);
    report.error({{}, "(file)"}, error->message);
    return {{}, report.take()};
  }
  std::error_code error;  // a working directory that is gone: relative paths stay relative
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return load_text(std::get<std::string>(text), path, absolute.parent_path().string());
}

std::string to_json(const std::vector<Problem>& problems) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const Problem& problem : problems) {
    array.push_back({{"file", problem.file},
                     {"line", problem.line},
                     {"column", problem.column},
                     {"path", problem.path},
                     {"severity", word_of(problem.severity)},
                     {"message", problem.message}});
  }
  return array.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace postern::config
