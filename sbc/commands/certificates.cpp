#include "sbc/commands/certificates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <vector>

#include "sbc/net/tls_context.hpp"

namespace postern::commands {

void check_certificates(config::LoadResult& loaded) {
  if (!loaded.ok()) return;
  const auto now = std::chrono::system_clock::now();
  const auto& listeners = loaded.config.engine.listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    if (!listeners[i].tls) continue;
    std::vector<net::TlsProblem> found;
    net::TlsContext::load(*listeners[i].tls, now, found);
    for (const net::TlsProblem& problem : found) {
      loaded.problems.push_back(loaded.places.problem_at(fmt::format("listeners[{}].tls.{}", i, problem.key), problem.message));
      loaded.problems.back().severity = problem.fatal ? config::Severity::error : config::Severity::warning;
      if (problem.fatal) loaded.policy.reset();
    }
  }
  std::ranges::sort(loaded.problems, {}, [](const config::Problem& p) { return std::tie(p.file, p.line, p.column, p.path, p.message); });
}

}  // namespace postern::commands
