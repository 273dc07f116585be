// All that runs: the worker, the admin endpoint, the signals.
#pragma once

#include <memory>
#include <optional>

#include "sbc/net/configuration.hpp"
#include "sbc/net/log.hpp"
#include "sbc/options.hpp"

namespace postern::net {

class Shell {
 public:
  /// Takes the state folder and all ports. `load` reads the configuration again on SIGHUP. Throws StartError. `log` must outlive it.
  Shell(Configuration configuration, Loader load, Log& log);
  ~Shell();
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  /// Returns after SIGTERM, SIGINT or stop(). Throws what a worker has thrown, on whatever thread: it cannot go on.
  void run();
  /// From run()'s thread or any other.
  void stop();

  /// As given, with the addresses and ports that are bound in fact.
  [[nodiscard]] const sbc::EngineOptions& options() const;
  [[nodiscard]] std::optional<sbc::Endpoint> admin() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
