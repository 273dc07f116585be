#include "config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>
#include <variant>

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

/// What only shows when all is put together. nullptr where there is an error.
std::shared_ptr<const acl::Policy> compile(const Draft& draft, Resolved resolved, Report& report) {
  check_rules(draft, report);
  check_devices(draft, resolved, report);
  check_traps(draft, report);
  check_calls(draft, report);
  check_protection(draft, report);
  if (report.has_errors()) return nullptr;
  auto compiled = acl::Policy::compile(draft.config.policy, std::move(resolved.geo));
  if (const auto* error = std::get_if<std::string>(&compiled)) {
    report.error({{}, "rules"}, *error);
    return nullptr;
  }
  return std::get<std::shared_ptr<const acl::Policy>>(std::move(compiled));
}

Places places_of(const Draft& draft, const std::string& file) {
  Places places{printable(file), {}};
  const auto add = [&places](const std::string& path, const Where& at) {
    places.settings[path] = {{}, at.position.line, at.position.column};
  };
  for (std::size_t i = 0; i < draft.listeners.size(); ++i) {
    add(join_path("listeners", i), draft.listeners[i].address.at);
    if (!draft.listeners[i].tls) continue;
    for (const Where& at : draft.listeners[i].tls->files) add(at.path, at);
  }
  if (!draft.pbx.empty()) add("pbx.address", draft.pbx.front().at);
  if (draft.pbx_bind) add("pbx.bind", draft.pbx_bind->at);
  if (draft.admin_at) add("admin", *draft.admin_at);
  return places;
}

LoadResult load(const YamlNode& root, const std::string& directory, const NameAnswers& answers, Report& report) {
  Draft draft;
  draft.answers = answers;
  Reader(draft, report).read(root);
  Resolved resolved = Resolver(draft, report, directory).resolve();
  resolve_device_groups(draft, report);
  resolve_rules(draft, resolved, report);
  resolve_devices(draft, resolved, report);
  resolve_emergency(draft, report);
  resolve_calls(draft, resolved, report);
  resolve_policy_tests(draft, report);
  resolve_alerts(draft, directory, report);
  check_addresses(draft, report);
  auto policy = compile(draft, std::move(resolved), report);
  Places places = places_of(draft, report.file());
  return {std::move(draft.config), std::move(policy), {}, std::move(draft.held), std::move(places), {}};
}

std::string directory_of(const std::string& path) {
  std::error_code error;  // a working directory that is gone: relative paths stay relative
  return std::filesystem::absolute(path, error).parent_path().string();
}

}  // namespace

std::string Problem::to_string() const {
  return fmt::format("{}:{}:{}: {}: {}{}", file, line, column, path, severity == Severity::warning ? "warning: " : "", message);
}

Problem Places::problem_at(const std::string& path, const std::string& message) const {
  const auto found = settings.find(path);
  const Setting at = found == settings.end() ? Setting{} : found->second;
  return {file, at.line, at.column, path, Severity::error, printable(message)};
}

LoadResult load_text(std::string_view text, const std::string& name, const std::string& directory, const NameAnswers& answers) {
  Report report(name);
  LoadResult result;
  if (const NodePtr root = parse_yaml(text, report)) result = load(*root, directory, answers, report);
  result.problems = report.take();
  result.text = text;
  return result;
}

LoadResult load_file(const std::string& path, const NameAnswers& answers) {
  const auto text = read_file(path, YamlLimits::file_bytes);
  if (const auto* error = std::get_if<FileError>(&text)) {
    Report report(path);
    report.error({{}, "(file)"}, error->message);
    LoadResult unread;
    unread.problems = report.take();
    return unread;
  }
  return load_text(std::get<std::string>(text), path, directory_of(path), answers);
}

LoadResult reload_file(const std::string& path, const Settings& held, const NameAnswers& answers, const std::string* text) {
  LoadResult result = text != nullptr ? load_text(*text, path, directory_of(path), answers) : load_file(path, answers);
  if (!result.ok()) return result;
  for (const auto& [key, setting] : result.held) {
    const auto before = held.find(key);
    if (before != held.end() && before->second.value == setting.value) continue;
    const std::string was = before == held.end() || before->second.value.empty() ? "not set" : before->second.value;
    result.problems.push_back({printable(path), setting.line, setting.column, key, Severity::error,
                               fmt::format("a reload cannot change this (it is {} now): restart needed", printable(was))});
    result.policy.reset();
  }
  std::ranges::sort(result.problems, {}, [](const Problem& p) { return std::tie(p.line, p.column, p.path, p.message); });
  return result;
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
