// The inside of Shell: what the main thread has in its hands, and what it does with it (shell.cpp: the life of the process;
// shell_reload.cpp, shell_control.cpp and shell_metrics.cpp: what their names say).
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <ratio>
#include <string>
#include <utility>
#include <vector>

#include "sbc/listeners.hpp"
#include "sbc/net/admin.hpp"
#include "sbc/net/alerts.hpp"
#include "sbc/net/audit_answer.hpp"
#include "sbc/net/control.hpp"
#include "sbc/net/control_answers.hpp"
#include "sbc/net/dynamic_names.hpp"
#include "sbc/net/event_fan.hpp"
#include "sbc/net/kernel_bans.hpp"
#include "sbc/net/operator_words.hpp"
#include "sbc/net/password_trials.hpp"
#include "sbc/net/refusals.hpp"
#include "sbc/net/reload_requests.hpp"
#include "sbc/net/reloads.hpp"
#include "sbc/net/service_manager.hpp"
#include "sbc/net/shell.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/state_folder.hpp"
#include "sbc/net/state_store.hpp"
#include "sbc/net/streams.hpp"
#include "sbc/net/switch_file.hpp"
#include "sbc/net/travel_passes.hpp"
#include "sbc/net/version.hpp"
#include "sbc/net/worker_facts.hpp"
#include "sbc/net/workers.hpp"

namespace postern::net {

namespace asio = boost::asio;
using boost::system::error_code;

/// At most twenty, a line each, and how many more there are.
void log_problems(Log& log, LogLevel level, std::string_view event, std::string_view result, const std::vector<FileProblem>& problems);

struct Shell::Impl {
  Impl(Configuration configuration, Loader loader, Log& to)
      : log(to),
        current(std::make_shared<const Configuration>(std::move(configuration))),
        folder(current->shell.state),
        passes(folder.path()),
        switches(folder.path()),
        store(folder, log),
        kernel(log),
        workers(io, current->engine, current->policy, folder.secrets(), events,
                {.tell = [this](std::size_t worker) { tell_stuck(worker); }}),
        control(std::in_place, io, current->shell.control, control_commands(), log),
        signals(io, SIGTERM, SIGINT, SIGHUP),
        names(current->shell.state, DynamicNames::read(current->shell.state), log,
              [this] { asio::post(io, [this] { on_names_changed(); }); }),
        reloads(
            io, std::move(loader), names, [this] { return begin_reload(); },
            [this](Reloads::Result result) { take_over(std::move(result)); }) {
    admin = open_admin(current->shell.admin);
    const sbc::DurableState kept = store.load(workers.first().options().listeners);
    workers.remember(store, kernel, kept);
    kernel.restore(kept);
    apply_switches();
    workers.set_hep(current->shell.hep);
    workers.set_passes(passes.snapshot(acl::Clock::now()));
    alerts.remember(workers.shared().called_countries, folder.path());
    passwords.emplace(workers.shared().weak_passwords, store.keeps() ? folder.path() : std::string(), log,
                      [this](Alert alert) { alerts.tell(std::move(alert)); });
  }

  [[nodiscard]] std::unique_ptr<Admin> open_admin(const std::optional<sbc::Endpoint>& bind);
  [[nodiscard]] ControlCommands control_commands();
  void apply_kernel();
  void apply_switches();
  void take_switch(const SwitchFile::Result& result, const Answer& answer);
  void end_switches();
  void log_switch(LogLevel level, std::string_view what, const SwitchFile::Change& change);
  void tell_status(const Answer& answer);
  void tell_why(const ControlArguments& arguments, const Answer& answer);
  void with_facts(const sbc::Flow& flow, std::function<void(const std::optional<sbc::SourceFacts>&)> done);
  void answer_aside(const Answer& answer, std::function<std::string()> work);
  void explain_live(const ControlArguments& arguments, const Answer& answer);
  [[nodiscard]] std::vector<std::string> warnings(const WorkerFacts& facts) const;
  [[nodiscard]] double uptime() const;
  [[nodiscard]] AnswerPart with_passes(AnswerPart answer);
  void tell_stuck(std::size_t worker);
  void announce();
  void wait_signal();
  void on_signal(int signal);
  void stop();
  void on_names_changed();
  void retry_names();
  [[nodiscard]] std::shared_ptr<const Configuration> begin_reload();
  void take_over(Reloads::Result result);
  void go_back(std::shared_ptr<const Configuration> before);
  void on_refused(const Reloads::Result& result, const std::vector<FileProblem>& problems);
  void watch_files();
  void on_files_looked_at(const std::shared_ptr<const Configuration>& of, std::vector<std::string> replaced);
  [[nodiscard]] std::vector<FileProblem> apply(Reloads::Result& result);
  [[nodiscard]] std::unique_ptr<Admin> next_admin(const std::optional<sbc::Endpoint>& bind);
  void metrics(std::function<void(std::string)> done);
  [[nodiscard]] AlertFacts alert_facts() const;

  Log& log;
  asio::io_context io{1};
  std::shared_ptr<const Configuration> current;
  StateFolder folder;
  TravelPassFile passes;
  SwitchFile switches;
  asio::steady_timer switches_timer{io};
  Refusals refusals{static_cast<std::uint32_t>(seconds_now())};
  Alerts alerts{io, log, [this] { return alert_facts(); }};
  EventFan events{log, refusals, alerts};
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  ReloadRequests requests{io, [this](std::shared_ptr<const Configuration> before) { go_back(std::move(before)); }};
  StateStore store;
  KernelBans kernel;
  Workers workers;
  FactsOfWorkers facts_of_workers{workers};
  ServiceManager manager{io, [this](std::function<void(bool)> then) {
                           workers.ask([](const Worker&) {}, [then = std::move(then)](const auto& missing) { then(missing.empty()); });
                         }};
  std::optional<PasswordTrials> passwords;
  std::optional<Control> control;
  asio::signal_set signals;
  std::unique_ptr<Admin> admin;
  std::uint64_t reloads_applied = 0;
  std::uint64_t reloads_refused = 0;
  std::string file_not_in_use;      // why the file says another thing than what runs; empty: it does not
  std::uint64_t names_changed = 0;  // how many times
  std::uint64_t names_read = 0;     // of these, what the reload under way knows of
  std::uint64_t names_held = 0;     // and what the rules in use do
  asio::steady_timer names_timer{io};
  asio::steady_timer files_timer{io};
  std::vector<std::string> files_replaced;  // since they were read, as was told
  DynamicNames names;
  Reloads reloads;  // last: its thread ends first
};

}  // namespace postern::net
