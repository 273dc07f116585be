#include "sbc/net/shell.hpp"

#include "sbc/net/shell_impl.hpp"

namespace postern::net {

void Shell::Impl::apply_kernel() {
  kernel.apply(current->shell.kernel == Kernel::nftables && current->engine.enforce && !switches.bypass(), workers.first().options());
}

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
  manager.stopping();
  workers.stop();
  admin.reset();
  control.reset();
  signals.cancel();
  io.stop();
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
  impl_->alerts.apply(impl_->current->shell.alerts);
  impl_->workers.start();
  impl_->announce();
  impl_->names.apply(impl_->current->shell.names);
  impl_->watch_files();
  impl_->manager.started();
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
