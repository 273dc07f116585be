#include "sbc/net/shell.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>
#include <csignal>
#include <string>
#include <utility>

#include "sbc/net/admin.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/state_folder.hpp"
#include "sbc/net/version.hpp"
#include "sbc/net/worker.hpp"

namespace postern::net {

namespace asio = boost::asio;
using boost::system::error_code;

struct Shell::Impl {
  Impl(const ShellOptions& shell, sbc::EngineOptions engine, std::shared_ptr<const acl::Policy> policy, Log& to)
      : log(to),
        worker(io, std::move(engine), std::move(policy), StateFolder(shell.state).secrets(), log),
        signals(io, SIGTERM, SIGINT, SIGHUP) {
    if (shell.admin) open_admin(*shell.admin);
  }

  void open_admin(const sbc::Endpoint& bind);
  void announce();
  void wait_signal();
  void on_signal(int signal);
  void stop();
  [[nodiscard]] std::string metrics() const;

  Log& log;
  asio::io_context io{1};
  Worker worker;
  asio::signal_set signals;
  std::optional<Admin> admin;
};

void Shell::Impl::open_admin(const sbc::Endpoint& bind) {
  try {
    admin.emplace(io, bind, AdminPages{[this] { return metrics(); }, [this] { return worker.running(); }});
  } catch (const boost::system::system_error& error) {
    throw StartError(fmt::format("admin: cannot listen on tcp {}: {}: choose another address or port, or `admin: off`", bind.to_string(),
                                 error.code().message()));
  }
}

void Shell::Impl::announce() {
  const Version built = version();
  log.write(LogLevel::info, "start", {{"version", built.number}, {"commit", built.commit}, {"libraries", built.libraries}});
  for (const sbc::ListenerOptions& listener : worker.options().listeners) {
    log.write(LogLevel::info, "listening",
              {{"listener", listener.name}, {"transport", sbc::to_string(listener.transport)}, {"address", listener.bind.to_string()}});
  }
  for (const sbc::Endpoint& address : worker.options().pbx.addresses) {
    log.write(LogLevel::info, "pbx", {{"address", address.to_string()}, {"transport", sbc::to_string(worker.options().pbx.transport)}});
  }
  const std::string core = worker.core().to_string();
  log.write(
      LogLevel::info, "core",
      {{"address", core},
       {"message", "put this address on the PBX's own fail2ban and firewall whitelist, or the PBX may ban Postern for what attackers do"},
       {"vitalpbx", "Admin > Security > Intrusion Detection (fail2ban) > Whitelist, and Admin > Security > Firewall"}});
  if (admin) log.write(LogLevel::info, "admin", {{"address", admin->bound().to_string()}, {"pages", "/metrics /healthz /readyz"}});
  log.write(LogLevel::info, "receive_buffer", {{"bytes", std::to_string(worker.receive_buffer()), true}});
}

void Shell::Impl::wait_signal() {
  signals.async_wait([this](error_code error, int signal) {
    if (!error) on_signal(signal);
  });
}

void Shell::Impl::on_signal(int signal) {
  if (signal == SIGHUP) {
    log.write(LogLevel::warning, "reload",
              {{"message", "this version cannot reload its configuration: nothing has changed; restart it instead"}});
    wait_signal();
    return;
  }
  log.write(LogLevel::info, "stop", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  stop();
}

void Shell::Impl::stop() {
  worker.stop();
  admin.reset();
  signals.cancel();
  io.stop();
}

std::string Shell::Impl::metrics() const {
  ShellMetrics shell = worker.shell_metrics();
  shell.log_lines_lost = log.lost_lines();
  return metrics_page(worker.metrics(), worker.gauges(), shell);
}

Shell::Shell(const ShellOptions& shell, sbc::EngineOptions engine, std::shared_ptr<const acl::Policy> policy, Log& log)
    : impl_(std::make_unique<Impl>(shell, std::move(engine), std::move(policy), log)) {}

Shell::~Shell() = default;

void Shell::run() {
  // A reader of the admin endpoint or of stderr that goes away must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  impl_->wait_signal();
  impl_->worker.start();
  impl_->announce();
  impl_->io.run();
}

void Shell::stop() {
  asio::post(impl_->io, [this] { impl_->stop(); });
}

const sbc::EngineOptions& Shell::options() const { return impl_->worker.options(); }

std::optional<sbc::Endpoint> Shell::admin() const {
  const std::optional<Admin>& admin = impl_->admin;
  if (!admin) return std::nullopt;
  return admin->bound();
}

}  // namespace postern::net
