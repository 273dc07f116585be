#include "sbc/net/shell.hpp"

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
#include <memory>
#include <numeric>
#include <ratio>
#include <string>
#include <utility>
#include <vector>

#include "sbc/listeners.hpp"
#include "sbc/net/admin.hpp"
#include "sbc/net/audit_answer.hpp"
#include "sbc/net/control.hpp"
#include "sbc/net/control_answers.hpp"
#include "sbc/net/dynamic_names.hpp"
#include "sbc/net/kernel_bans.hpp"
#include "sbc/net/password_trials.hpp"
#include "sbc/net/reloads.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/state_folder.hpp"
#include "sbc/net/state_store.hpp"
#include "sbc/net/streams.hpp"
#include "sbc/net/travel_passes.hpp"
#include "sbc/net/version.hpp"
#include "sbc/net/workers.hpp"

namespace postern::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t most_problem_lines = 20;
constexpr std::chrono::seconds names_retry{10};

void log_problems(Log& log, LogLevel level, std::string_view event, std::string_view result, const std::vector<FileProblem>& problems) {
  for (std::size_t i = 0; i < std::min(problems.size(), most_problem_lines); ++i) {
    const FileProblem& problem = problems[i];
    const std::string line = std::to_string(problem.line);
    const std::string column = std::to_string(problem.column);
    log.write(level, event,
              {{"result", result},
               {"file", problem.file},
               {"line", line, true},
               {"column", column, true},
               {"path", problem.path},
               {"message", problem.message}});
  }
  if (problems.size() <= most_problem_lines) return;
  const std::string more = fmt::format("and {} more: `postern check` tells them", problems.size() - most_problem_lines);
  log.write(level, event, {{"result", result}, {"message", more}});
}

}  // namespace

struct Shell::Impl {
  Impl(Configuration configuration, Loader loader, Log& to)
      : log(to),
        current(std::make_shared<const Configuration>(std::move(configuration))),
        folder(current->shell.state),
        passes(folder.path()),
        store(folder, log),
        kernel(log),
        workers(io, current->engine, current->policy, folder.secrets(), log, {.tell = [this](std::size_t worker) { tell_stuck(worker); }}),
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
    apply_kernel();
    workers.set_passes(passes.snapshot(acl::Clock::now()));
    passwords.emplace(workers.shared().weak_passwords, store.keeps() ? folder.path() : std::string(), log);
  }

  [[nodiscard]] std::unique_ptr<Admin> open_admin(const std::optional<sbc::Endpoint>& bind);
  [[nodiscard]] ControlCommands control_commands();
  void apply_kernel();
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
  [[nodiscard]] std::vector<FileProblem> apply(Reloads::Result& result);
  [[nodiscard]] std::unique_ptr<Admin> next_admin(const std::optional<sbc::Endpoint>& bind);
  void metrics(std::function<void(std::string)> done);

  Log& log;
  asio::io_context io{1};
  std::shared_ptr<const Configuration> current;
  StateFolder folder;
  TravelPassFile passes;
  StateStore store;
  KernelBans kernel;
  Workers workers;
  std::optional<PasswordTrials> passwords;
  std::optional<Control> control;
  asio::signal_set signals;
  std::unique_ptr<Admin> admin;
  std::uint64_t reloads_applied = 0;
  std::uint64_t reloads_refused = 0;
  std::uint64_t names_changed = 0;  // how many times
  std::uint64_t names_read = 0;     // of these, what the reload under way knows of
  std::uint64_t names_held = 0;     // and what the rules in use do
  asio::steady_timer names_timer{io};
  DynamicNames names;
  Reloads reloads;  // last: its thread ends first
};

std::unique_ptr<Admin> Shell::Impl::open_admin(const std::optional<sbc::Endpoint>& bind) {
  if (!bind) return nullptr;
  try {
    return std::make_unique<Admin>(
        io, *bind,
        AdminPages{[this](std::function<void(std::string)> done) { metrics(std::move(done)); }, [this] { return workers.running(); }});
  } catch (const boost::system::system_error& error) {
    throw StartError(fmt::format("admin: cannot listen on tcp {}: {}: choose another address or port, or `admin: off`", bind->to_string(),
                                 error.code().message()),
                     "admin");
  }
}

ControlCommands Shell::Impl::control_commands() {
  const LookAtEngine engines = [this](std::size_t index, const std::function<void(sbc::Engine&)>& look) {
    return workers.look_at(index, [&look](Worker& worker) { look(worker.engine()); });
  };
  return {{"registrations",
           [this, engines](const ControlArguments&) {
             return registrations_answer(engines, [this](const acl::Address& address) { return current->policy->geo().country(address); });
           }},
          {"calls", [engines](const ControlArguments&) { return calls_answer(engines); }},
          {"allow list", [this](const ControlArguments&) { return passes.list(); }},
          {"allow add", [this](const ControlArguments& arguments) { return with_passes(passes.add(arguments)); }},
          {"allow remove", [this](const ControlArguments& arguments) { return with_passes(passes.remove(arguments)); }},
          {"bans list", [engines](const ControlArguments&) { return bans_answer(engines); }},
          {"bans add", [engines](const ControlArguments& arguments) { return ban_answer(engines, arguments); }},
          {"bans remove", [engines](const ControlArguments& arguments) { return pardon_answer(engines, arguments); }},
          {"bans clear", [engines](const ControlArguments&) { return pardon_all_answer(engines); }},
          {"audit", [this, engines](const ControlArguments&) { return audit_answer(engines, workers.shared()); }}};
}

/// The engines take them over.
AnswerPart Shell::Impl::with_passes(AnswerPart answer) {
  workers.set_passes(passes.snapshot(acl::Clock::now()));
  return answer;
}

void Shell::Impl::apply_kernel() { kernel.apply(current->shell.kernel == Kernel::nftables, workers.first().options()); }

void Shell::Impl::tell_stuck(std::size_t worker) {
  log.write(
      LogLevel::error, "worker_stuck",
      {{"worker", std::to_string(worker), true},
       {"message", "its thread does not come to what the main thread asks; nobody waits for it any longer, and its phones hear nothing"}});
}

void Shell::Impl::announce() {
  const Version built = version();
  log.write(LogLevel::info, "start", {{"version", built.number}, {"commit", built.commit}, {"libraries", built.libraries}});
  for (const sbc::ListenerOptions& listener : workers.first().options().listeners) {
    log.write(LogLevel::info, "listening",
              {{"listener", listener.name}, {"transport", sbc::to_string(listener.transport)}, {"address", listener.bind.to_string()}});
  }
  for (const sbc::Endpoint& address : workers.first().options().pbx.addresses) {
    log.write(LogLevel::info, "pbx",
              {{"address", address.to_string()}, {"transport", sbc::to_string(workers.first().options().pbx.transport)}});
  }
  std::string core;
  for (const sbc::Endpoint& address : workers.core()) core.append(core.empty() ? "" : " ").append(address.to_string());
  log.write(
      LogLevel::info, "core",
      {{"address", core},
       {"message", "put this address on the PBX's own fail2ban and firewall whitelist, or the PBX may ban Postern for what attackers do"},
       {"vitalpbx", "Admin > Security > Intrusion Detection (fail2ban) > Whitelist, and Admin > Security > Firewall"}});
  if (admin) log.write(LogLevel::info, "admin", {{"address", admin->bound().to_string()}, {"pages", "/metrics /healthz /readyz"}});
  if (control->listens()) log.write(LogLevel::info, "control", {{"path", current->shell.control.path}});
  if (workers.size() > 1) log.write(LogLevel::info, "workers", {{"count", std::to_string(workers.size()), true}});
  if (const auto bytes = workers.first().receive_buffer())
    log.write(LogLevel::info, "receive_buffer", {{"bytes", std::to_string(*bytes), true}});
}

void Shell::Impl::wait_signal() {
  signals.async_wait([this](error_code error, int signal) {
    if (!error) on_signal(signal);
  });
}

void Shell::Impl::on_signal(int signal) {
  if (signal == SIGHUP) {
    reloads.request(Reloads::What::file);
    wait_signal();
    return;
  }
  log.write(LogLevel::info, "stop", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  stop();
}

void Shell::Impl::stop() {
  workers.stop();
  admin.reset();
  control.reset();
  signals.cancel();
  io.stop();
}

void Shell::Impl::on_names_changed() {
  ++names_changed;
  reloads.request(Reloads::What::names);
}

/// What refused it, a list that was missing just then, may be gone; but the names do not change again for that.
void Shell::Impl::retry_names() {
  names_timer.expires_after(names_retry);
  names_timer.async_wait([this](error_code error) {
    if (!error && names_held != names_changed) reloads.request(Reloads::What::names);
  });
}

std::shared_ptr<const Configuration> Shell::Impl::begin_reload() {
  names_read = names_changed;
  return current;
}

/// All or nothing: what can fail comes first.
std::vector<FileProblem> Shell::Impl::apply(Reloads::Result& result) {
  Configuration& next = result.configuration;
  if (!next.errors.empty() || result.setups.empty()) return next.errors;
  const bool other_admin = next.shell.admin != current->shell.admin || (next.shell.admin && !admin);
  std::unique_ptr<Admin> opened;
  try {
    if (other_admin) opened = next_admin(next.shell.admin);
    result.setups = workers.reload(std::move(result.setups));
  } catch (const StartError& error) {
    opened.reset();
    std::vector<FileProblem> problems{next.locate(error.key(), error.what())};
    try {
      if (!admin) admin = open_admin(current->shell.admin);
    } catch (const StartError& lost) {  // the port was taken meanwhile; the next reload tries again
      problems.push_back(next.locate(lost.key(), lost.what()));
    }
    return problems;
  }
  if (other_admin) admin = std::move(opened);
  log.apply(next.shell.log);
  return {};
}

/// One that has the same port already makes room for it.
std::unique_ptr<Admin> Shell::Impl::next_admin(const std::optional<sbc::Endpoint>& bind) {
  if (bind && admin && sbc::overlap(*bind, admin->bound())) admin.reset();
  return open_admin(bind);
}

void Shell::Impl::take_over(Reloads::Result result) {
  const std::vector<FileProblem> problems = apply(result);
  const std::shared_ptr<const Configuration> before = current;
  if (problems.empty()) {
    ++reloads_applied;
    log_problems(log, LogLevel::warning, "config_warning", {}, result.configuration.warnings);
    log.write(LogLevel::info, "reload", {{"result", "applied"}, {"changes", result.changes}});
    current = std::make_shared<const Configuration>(std::move(result.configuration));
    apply_kernel();
    names.apply(current->shell.names);
    names_held = names_read;
  } else {
    ++reloads_refused;
    if (names_held != names_changed) retry_names();
    log_problems(log, LogLevel::error, "reload", "refused", problems);
    log.write(LogLevel::error, "reload",
              {{"result", "refused"},
               {"message",
                "nothing has changed: correct the file and reload again; `postern check` tells the same, but not what needs a restart"}});
  }
  // Lists, patterns and databases take their time to be freed.
  reloads.free([before, was = std::make_shared<Reloads::Result>(std::move(result))] {});
}

namespace {

/// What a worker counts, or all of them.
struct Sum {
  sbc::Metrics engine;
  sbc::Gauges gauges;
  WorkerCounts counts;
  WorkerLoad load;  ///< of the one
};

/// On its own thread, which is what the clock is of.
Sum counted_by(const Worker& worker) {
  Sum sum{worker.metrics(), worker.gauges(), worker.counts(), {}};
  for (const auto& transports : sum.engine.received)
    for (const sbc::ByMethod& methods : transports) sum.load.messages = std::accumulate(methods.begin(), methods.end(), sum.load.messages);
  timespec ran{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran) == 0)
    sum.load.cpu_seconds = static_cast<double>(ran.tv_sec) + static_cast<double>(ran.tv_nsec) / std::nano::den;
  return sum;
}

}  // namespace

void Shell::Impl::metrics(std::function<void(std::string)> done) {
  // Each worker copies its own numbers between two packets.
  const auto parts = std::make_shared<std::vector<Sum>>(workers.size());
  const auto copy = [parts](const Worker& worker) { (*parts)[worker.options().pbx.worker] = counted_by(worker); };
  workers.ask(copy, [this, parts, done = std::move(done)] {
    Sum& sum = parts->front();
    ShellMetrics shell;
    for (std::size_t i = 0; i < parts->size(); ++i) {
      Sum& part = (*parts)[i];
      part.load.notes_waiting = workers.waiting(i).size();
      part.load.notes_lost = workers.waiting(i).lost();
      shell.workers.push_back(part.load);
      if (i == 0) continue;
      add(sum.engine, part.engine);
      add(sum.gauges, part.gauges);
      add(sum.counts, part.counts);
    }
    shell.counts = sum.counts;
    shell.certificates = workers.first().certificates();
    const sbc::WeakPasswords& accounts = workers.shared().weak_passwords;
    for (const auto& [account, verdict] : accounts.verdicts()) ++shell.weak_passwords.at(static_cast<std::size_t>(verdict.kind));
    shell.password_looks = accounts.looked_at();
    shell.password_looks_missed = accounts.missed();
    shell.log_lines_lost = log.lost_lines();
    shell.reloads_applied = reloads_applied;
    shell.reloads_refused = reloads_refused;
    shell.state_failures = store.failures();
    shell.state_durable = store.durable();
    done(metrics_page(sum.engine, sum.gauges, shell));
  });
}

Shell::Shell(Configuration configuration, Loader load, Log& log) {
  // First: what they warn of may be why it cannot start.
  log_problems(log, LogLevel::warning, "config_warning", {}, configuration.warnings);
  raise_file_limit();
  impl_ = std::make_unique<Impl>(std::move(configuration), std::move(load), log);
}

Shell::~Shell() = default;

void Shell::run() {
  // A reader of the admin endpoint or of stderr that goes away must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  impl_->wait_signal();
  impl_->store.start(
      [this](const sbc::Secrets& secrets) { asio::post(impl_->io, [this, secrets] { impl_->workers.set_token_keys(secrets); }); });
  impl_->passwords->start();
  impl_->workers.start();
  impl_->announce();
  impl_->names.apply(impl_->current->shell.names);
  impl_->io.run();
  impl_->workers.rethrow();
}

void Shell::stop() {
  asio::post(impl_->io, [this] { impl_->stop(); });
}

const sbc::EngineOptions& Shell::options() const { return impl_->workers.first().options(); }

std::optional<sbc::Endpoint> Shell::admin() const {
  if (!impl_->admin) return std::nullopt;
  return impl_->admin->bound();
}

}  // namespace postern::net
