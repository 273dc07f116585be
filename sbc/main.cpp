// The composition root: the command line, and what each command puts together.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "acl/geo.hpp"
#include "acl/policy.hpp"
#include "config/load.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/shell.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/version.hpp"

namespace {

using namespace postern;  // NOLINT(google-build-using-namespace): this file is where all folders meet

constexpr int exit_good = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

using PolicyPtr = std::shared_ptr<const acl::Policy>;

/// Left empty with a problem added where the file cannot be used.
std::shared_ptr<const acl::GeoDatabase> open_database(const std::optional<std::string>& path, const std::string& key,
                                                      const std::string& file, std::vector<config::Problem>& problems) {
  if (!path) return nullptr;
  auto opened = acl::GeoDatabase::open(*path);
  if (const auto* message = std::get_if<std::string>(&opened)) {
    problems.push_back({file, 1, 1, key, config::Severity::error, *message});
    return nullptr;
  }
  return std::get<std::shared_ptr<const acl::GeoDatabase>>(std::move(opened));
}

/// What the configuration names but the loader only describes: databases opened, rules compiled. nullptr where that failed.
PolicyPtr build_policy(const config::Config& config, const std::string& file, std::vector<config::Problem>& problems) {
  const std::size_t before = problems.size();
  acl::Geo geo{open_database(config.country_database, "geo.country", file, problems),
               open_database(config.asn_database, "geo.asn", file, problems)};
  if (problems.size() != before) return nullptr;
  auto compiled = acl::Policy::compile(config.policy, std::move(geo));
  if (const auto* message = std::get_if<std::string>(&compiled)) {
    problems.push_back({file, 1, 1, "rules", config::Severity::error, *message});
    return nullptr;
  }
  return std::get<PolicyPtr>(std::move(compiled));
}

struct Loaded {
  config::Config config;
  PolicyPtr policy;  ///< nullptr: there are errors among the problems
  std::vector<config::Problem> problems;
};

Loaded load(const std::string& file) {
  config::LoadResult result = config::load_file(file);
  Loaded loaded{std::move(result.config), nullptr, std::move(result.problems)};
  const bool good = std::ranges::none_of(loaded.problems, [](const auto& problem) { return problem.severity == config::Severity::error; });
  if (good) loaded.policy = build_policy(loaded.config, file, loaded.problems);
  return loaded;
}

void print_problems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) std::cerr << problem.to_string() << '\n';
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string summary(const config::Config& config) {
  std::vector<std::string> listeners;
  listeners.reserve(config.engine.listeners.size());
  for (const auto& listener : config.engine.listeners) {
    listeners.push_back(std::string(sbc::to_string(listener.transport)) + "://" + listener.bind.to_string());
  }
  std::vector<std::string> pbx;
  pbx.reserve(config.engine.pbx.addresses.size());
  for (const auto& address : config.engine.pbx.addresses) {
    pbx.push_back(std::string(sbc::to_string(config.engine.pbx.transport)) + "://" + address.to_string());
  }
  std::string out = "good: listens on " + joined(listeners) + ", forwards to " + joined(pbx);
  if (config.shell.admin) out += ", admin on http://" + config.shell.admin->to_string();
  return out;
}

int check(const std::string& file, bool json) {
  const Loaded loaded = load(file);
  if (json) {
    std::cout << config::to_json(loaded.problems);
  } else {
    print_problems(loaded.problems);
    if (loaded.policy) std::cout << file << ": " << summary(loaded.config) << '\n';
  }
  return loaded.policy ? exit_good : exit_failed;
}

int run(const std::string& file) {
  Loaded loaded = load(file);
  print_problems(loaded.problems);
  if (!loaded.policy) return exit_failed;
  net::Log log(loaded.config.shell.log);
  try {
    net::Shell shell(loaded.config.shell, std::move(loaded.config.engine), std::move(loaded.policy), log);
    shell.run();
    return exit_good;
  } catch (const net::StartError& error) {
    log.write(net::LogLevel::error, "cannot_start", {{"message", error.what()}});
  }
  return exit_failed;
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description, const std::string& example,
                      std::string& file) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("-c,--config", file, "the configuration")->capture_default_str();
  command->footer("Example:\n  " + example);
  return command;
}

int command_line(int argc, char** argv) {
  CLI::App app("Postern, a session border controller for SIP", "postern");
  std::string file = "/etc/postern/postern.yaml";
  bool json = false;
  app.set_version_flag("--version", net::version_text());
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  postern check -c /etc/postern/postern.yaml\n  postern run -c /etc/postern/postern.yaml\n\n`postern COMMAND --help` "
      "tells more.");
  const CLI::App* run_command =
      add_command(app, "run", "Run in the foreground; logs to stderr, SIGTERM stops it", "postern run -c /etc/postern/postern.yaml", file);
  CLI::App* check_command = add_command(app, "check", "Check the configuration and everything that it names, and print all errors",
                                        "postern check -c /etc/postern/postern.yaml --json", file);
  check_command->add_flag("--json", json, "print the problems as a JSON array on stdout");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_good : exit_usage;
  }
  return run_command->parsed() ? run(file) : check(file, json);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return command_line(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "postern: " << error.what() << '\n';
    return exit_failed;
  }
}
