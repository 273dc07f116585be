// How another configuration is taken over: all of it, or nothing.
#include "sbc/net/shell_impl.hpp"

namespace postern::net {

namespace {

constexpr std::size_t most_problem_lines = 20;
constexpr std::chrono::seconds names_retry{10};
constexpr std::chrono::seconds files_look{10};

}  // namespace

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
  manager.reloading();
  requests.begin();
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

/// Lists, databases and certificates, on the thread that reads: a disk may take its time.
void Shell::Impl::watch_files() {
  files_timer.expires_after(files_look);
  files_timer.async_wait([this](error_code error) {
    if (error) return;
    reloads.aside([this, of = current]() mutable {
      auto replaced = of->files.replaced_in(of->files.again());
      asio::post(io, [this, of = std::move(of), replaced = std::move(replaced)] {
        on_files_looked_at(of, replaced);
        watch_files();
      });
    });
  });
}

void Shell::Impl::on_files_looked_at(const std::shared_ptr<const Configuration>& of, std::vector<std::string> replaced) {
  if (of != current) return;  // they have been read again meanwhile
  for (const std::string& path : replaced) {
    if (std::ranges::find(files_replaced, path) != files_replaced.end()) continue;
    log.write(LogLevel::warning, "file_replaced",
              {{"path", path}, {"message", "it is not what was read: `postern reload` takes it over, once it is complete"}});
  }
  files_replaced = std::move(replaced);
}

/// Nobody has confirmed what holds now: what held before is back. The file is left as it is.
void Shell::Impl::go_back(std::shared_ptr<const Configuration> before) {
  log.write(
      LogLevel::warning, "reload",
      {{"result", "not_confirmed"},
       {"message", "what held before is taken over again; the file still says the other: correct it, or the next reload takes that"}});
  reloads.go_back(std::move(before));
}

void Shell::Impl::on_refused(const Reloads::Result& result, const std::vector<FileProblem>& problems) {
  ++reloads_refused;
  if (names_held != names_changed) retry_names();
  const std::string_view word = result.back ? "cannot_go_back" : "refused";
  log_problems(log, LogLevel::error, "reload", word, problems);
  log.write(LogLevel::error, "reload",
            {{"result", word},
             {"message", result.back
                             ? "what was not confirmed holds still; it is tried again every 10 s, and `postern confirm` ends that"
                             : "nothing has changed: correct the file and reload again; `postern check` tells the same, but not what needs "
                               "a restart"}});
  if (result.back) return requests.cannot_go_back(problems);
  if (result.of_file)
    file_not_in_use = "what runs is not what the file says: the last reload was refused; `postern check` tells why, the log what else";
  requests.refused(problems);
}

void Shell::Impl::take_over(Reloads::Result result) {
  const std::vector<FileProblem> problems = apply(result);
  const std::shared_ptr<const Configuration> before = current;
  if (problems.empty()) {
    ++reloads_applied;
    log_problems(log, LogLevel::warning, "config_warning", {}, result.configuration.warnings);
    log.write(LogLevel::info, "reload", {{"result", result.back ? "went_back" : "applied"}, {"changes", result.changes}});
    if (result.back) {
      requests.went_back();
      file_not_in_use = "what runs is not what the file says: a reload was not confirmed; correct the file, the next one takes it";
    } else {
      requests.applied(before, result.configuration, result.changes);
      if (result.of_file) file_not_in_use.clear();
    }
    current = std::make_shared<const Configuration>(std::move(result.configuration));
    files_replaced.clear();
    apply_kernel();
    workers.set_hep(current->shell.hep);
    alerts.apply(current->shell.alerts);
    names.apply(current->shell.names);
    names_held = names_read;
    // What names stood for then is not what they stand for now.
    if (result.back && !current->shell.names.empty()) reloads.request(Reloads::What::names);
  } else {
    on_refused(result, problems);
  }
  manager.reloaded(problems.empty());
  // Lists, patterns and databases take their time to be freed.
  reloads.aside([before, was = std::make_shared<Reloads::Result>(std::move(result))] {});
}

}  // namespace postern::net
