#include "sbc/commands/certificates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sbc/net/start_error.hpp"
#include "sbc/net/tls_client.hpp"
#include "sbc/net/tls_context.hpp"

namespace postern::commands {
namespace {

/// What this listener shows phones in Contact and Record-Route and its certificate is not for; nullopt: nothing.
std::optional<std::string> not_named(const sbc::ListenerOptions& listener, const net::TlsContext& tls) {
  for (const auto& [network, shown] : listener.advertise_to) {
    if (!tls.is_for(shown.host)) return shown.host;
  }
  if (listener.advertise) return tls.is_for(listener.advertise->host) ? std::nullopt : std::optional(listener.advertise->host);
  if (listener.bind.address.is_unspecified()) return tls.is_for_an_address() ? std::nullopt : std::optional<std::string>("its address");
  const std::string bound = listener.bind.address.to_string();
  return tls.is_for(bound) ? std::nullopt : std::optional(bound);
}

/// A phone whose connection breaks in a call connects to what the dialog's Contact and Record-Route name, and wants a certificate for that
/// (RFC 5922 §7.3). Browsers connect to the URL of their page's instead.
void check_names(const sbc::ListenerOptions& listener, const net::TlsContext& tls, std::vector<net::TlsProblem>& found) {
  if (listener.transport != sbc::Transport::tls) return;
  if (const auto shown = not_named(listener, tls)) {
    found.push_back({"certificate",
                     fmt::format("{} is not for {}, which phones are shown: those that check it lose a call whose connection breaks; "
                                 "set `advertise` to a name that it is for",
                                 listener.tls->certificate, *shown),
                     false});
  }
}

}  // namespace

void check_certificates(config::LoadResult& loaded) {
  if (!loaded.ok()) return;
  const auto now = std::chrono::system_clock::now();
  const auto& listeners = loaded.config.engine.listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (!listeners[i].tls) continue;
    std::vector<net::TlsProblem> found;
    if (const auto tls = net::TlsContext::load(*listeners[i].tls, now, found)) check_names(listeners[i], *tls, found);
    for (const net::TlsProblem& problem : found) {
      loaded.problems.push_back(loaded.places.problem_at(fmt::format("listeners[{}].tls.{}", i, problem.key), problem.message));
      loaded.problems.back().severity = problem.fatal ? config::Severity::error : config::Severity::warning;
      if (problem.fatal) loaded.policy.reset();
    }
  }
  try {
    if (loaded.config.engine.pbx.transport == sbc::Transport::tls) net::TlsClient::load(loaded.config.engine.pbx.ca);
  } catch (const net::StartError& error) {
    loaded.problems.push_back(loaded.places.problem_at(error.key(), error.what()));
    loaded.policy.reset();
  }
  std::ranges::sort(loaded.problems, {}, [](const config::Problem& p) { return std::tie(p.file, p.line, p.column, p.path, p.message); });
}

}  // namespace postern::commands
