// The composition root: the command line, and what each command puts together.
#include <malloc.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "config/located.hpp"
#include "config/suggest.hpp"
#include "sbc/commands/alerts.hpp"
#include "sbc/commands/allow.hpp"
#include "sbc/commands/ask.hpp"
#include "sbc/commands/audit.hpp"
#include "sbc/commands/bans.hpp"
#include "sbc/commands/certificates.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/explain.hpp"
#include "sbc/commands/init.hpp"
#include "sbc/commands/manual.hpp"
#include "sbc/commands/policy_tests.hpp"
#include "sbc/commands/problems.hpp"
#include "sbc/commands/reload.hpp"
#include "sbc/commands/status.hpp"
#include "sbc/commands/switches.hpp"
#include "sbc/commands/top.hpp"
#include "sbc/commands/why.hpp"
#include "sbc/net/configuration.hpp"
#include "sbc/net/dynamic_names.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/privileges.hpp"
#include "sbc/net/shell.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/version.hpp"

namespace {

using namespace postern;  // NOLINT(google-build-using-namespace): this file is where all folders meet
using commands::exit_broken;
using commands::exit_failed;
using commands::exit_good;
using commands::exit_usage;

net::FileProblem shell_problem(const config::Problem& problem) {
  return {problem.file, problem.line, problem.column, problem.path, problem.message};
}

/// `stamps`: the files that it names, as they were before they were read.
net::Configuration shell_configuration(config::LoadResult loaded, const net::NamedFiles& stamps) {
  net::Configuration out;
  for (const config::Problem& problem : loaded.problems)
    (problem.severity == config::Severity::error ? out.errors : out.warnings).push_back(shell_problem(problem));
  out.files = net::NamedFiles(loaded.config.shell.files, stamps);
  out.shell = std::move(loaded.config.shell);
  out.engine = std::move(loaded.config.engine);
  out.rules = std::move(loaded.config.policy);
  out.policy = std::move(loaded.policy);
  out.file = loaded.places.file;
  out.text = std::move(loaded.text);
  out.locate = [places = std::move(loaded.places)](const std::string& key, const std::string& message) {
    return shell_problem(places.problem_at(key, message));
  };
  return out;
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
  if (const sbc::PbxOptions& options = config.engine.pbx; options.workers > 1) {
    const sbc::PbxOptions::CorePorts ports = options.core_ports();
    out += " from the ports " + std::to_string(ports.first) + " to " + std::to_string(ports.last) +
           (options.bind ? " of " + options.bind->address.to_string() : "") + " (let all of them pass the PBX's firewall)";
  }
  if (config.shell.admin) out += ", admin on http://" + config.shell.admin->to_string();
  return out;
}

int check(const std::string& file, bool json) {
  config::LoadResult loaded = config::load_file(file);
  commands::check_certificates(loaded);
  commands::run_policy_tests(loaded, file);
  if (json) {
    std::cout << config::to_json(loaded.problems);
  } else {
    commands::print_problems(loaded.problems);
    if (loaded.ok()) std::cout << file << ": " << summary(loaded.config) << '\n';
  }
  return loaded.ok() ? exit_good : exit_failed;
}

/// The C library would take one large block that was freed for a sign of more to come, and keep such ones: what a fold of the spool takes
/// for a moment would stay with the process.
void give_back_large_blocks() {
  constexpr int large = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, large);
}

/// From here on as `user`, where one is named: what that user may not read is told now, and not by the first reload.
config::LoadResult load_as(const std::string& user, const std::string& file) {
  config::LoadResult loaded = config::load_file(file);
  if (user.empty() || !loaded.ok()) return loaded;
  net::become(user, loaded.config.shell);
  return config::load_file(file);
}

/// What we start, an alert's command, has none of our capabilities; we keep them. Before there is another thread.
void keep_capabilities_to_ourselves() { ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); }

int run(const std::string& file, const std::string& user) {
  give_back_large_blocks();
  keep_capabilities_to_ourselves();
  config::LoadResult loaded = load_as(user, file);
  net::NamedFiles stamps(loaded.config.shell.files);
  // Names in networks stand for what they stood for in the run before, until they are looked up.
  if (loaded.ok() && !loaded.config.shell.names.empty())
    loaded = config::load_file(file, net::DynamicNames::read(loaded.config.shell.state));
  commands::check_certificates(loaded);
  if (!loaded.ok()) {
    commands::print_problems(loaded.problems);
    return exit_failed;
  }
  net::Log log(loaded.config.shell.log);
  try {
    const net::Loader reload = [file, held = loaded.held, stamps](const net::NameAnswers& answers, const std::string* text) mutable {
      stamps = stamps.again();
      config::LoadResult next = config::reload_file(file, held, answers, text);
      commands::check_certificates(next);
      commands::run_policy_tests(next, file);
      net::Configuration configuration = shell_configuration(std::move(next), stamps);
      if (configuration.errors.empty()) stamps = configuration.files;
      return configuration;
    };
    net::Shell shell(shell_configuration(std::move(loaded), stamps), reload, log);
    shell.run();
    return exit_good;
  } catch (const net::StartError& error) {
    log.write(net::LogLevel::error, "cannot_start", {{"message", error.what()}});
    return exit_failed;
  } catch (const std::exception& error) {  // no memory, say; on any worker's thread
    log.write(net::LogLevel::error, "failed", {{"message", error.what()}});
    return exit_broken;
  }
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description, const std::string& example,
                      std::string& file) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("-c,--config", file, "the configuration")->capture_default_str();
  command->footer("Example:\n  " + example);
  return command;
}

/// What was written and is no option, as "--sorce" is none.
std::string unknown_argument(const CLI::App& app, const std::string& what) {
  const std::vector<std::string> extras = app.remaining(true);
  const auto found = std::ranges::find_if(extras, [](const std::string& extra) { return extra.starts_with('-'); });
  if (found == extras.end() || app.get_subcommands().empty()) return what + "; a configuration is named by -c FILE";
  const CLI::App& command = *app.get_subcommands().front();
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  return config::in_quotes(*found) + " is no option of `postern " + command.get_name() + "`" + config::did_you_mean(*found, known) +
         "; `postern " + command.get_name() + " --help` tells which there are";
}

/// The first word; that it is no command is told.
bool is_unknown_command(CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  if (word.starts_with('-')) return false;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == word) return false;
    if (!command->get_group().empty()) names.push_back(command->get_name());  // else it is hidden
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::cerr << "postern: " << config::in_quotes(word) << " is no command of this version (there are " << joined(names) << ")"
            << config::did_you_mean(word, known) << '\n';
  return true;
}

/// The exit status of the one that was written; nullopt: none of these was.
template <class... Commands>
std::optional<int> run_written(Commands&... commands) {
  std::optional<int> status;
  const auto run_if_written = [&status](auto& command) {
    if (command.parsed()) status = command.run();
  };
  (run_if_written(commands), ...);
  return status;
}

int command_line(int argc, char** argv) {
  CLI::App app("Postern, a session border controller for SIP", "postern");
  std::string file = "/etc/postern/postern.yaml";
  std::string user;
  bool json = false;
  app.set_version_flag("--version", net::version_text());
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  postern check -c /etc/postern/postern.yaml\n  postern run -c /etc/postern/postern.yaml\n"
      "  postern explain -c /etc/postern/postern.yaml --source 203.0.113.7 --method REGISTER\n\n`postern COMMAND --help` "
      "tells more.");
  CLI::App* run_command =
      add_command(app, "run", "Run in the foreground; logs to stderr, SIGTERM stops it", "postern run -c /etc/postern/postern.yaml", file);
  run_command->add_option("--user", user, "started by root: run as this user, with no more of root's rights than ports below 1024 take");
  CLI::App* check_command = add_command(app, "check", "Check the configuration and everything that it names, and print all errors",
                                        "postern check -c /etc/postern/postern.yaml --json", file);
  check_command->add_flag("--json", json, "print the problems as a JSON array on stdout");
  commands::Explain explain(app, file);
  commands::Audit audit(app, file);
  commands::Ask ask(app, file);
  commands::Bans bans(app, file);
  commands::Allow allow(app, file);
  commands::Init init(app, file);
  const commands::Manual manual(app);
  commands::Alerts alerts(app, file);
  commands::Status how(app, file);
  commands::Reload reload(app, file);
  commands::Why why(app, file);
  commands::Switches switches(app, file);
  commands::Top top(app, file);
  if (argc > 1 && is_unknown_command(app, argv[1])) return exit_usage;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError& error) {
    std::cerr << "postern: " << unknown_argument(app, error.what()) << '\n';
    return exit_usage;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_good : exit_usage;
  }
  if (const auto status = run_written(explain, audit, ask, bans, allow, manual, alerts, how, reload, why, switches, top)) return *status;
  if (init.parsed()) return init.run([&file] { return check(file, false); });
  return run_command->parsed() ? run(file, user) : check(file, json);
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
