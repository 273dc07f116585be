// The addresses of one DNS name, looked up beside other things (c-ares).
#pragma once

#include <ares.h>
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "acl/address.hpp"

namespace postern::net {

/// A and AAAA of the name as it is written: no search domain is tried. By a channel of its own: c-ares reads resolv.conf only when it makes
/// one, so each look-up asks the servers that stand there now, whatever still hangs at those of before.
class NameLookup {
 public:
  static constexpr std::size_t most_addresses = 64;
  static constexpr std::chrono::milliseconds longest_poll{250};  ///< so that a stop waits no longer

  explicit NameLookup(const std::string& name);
  ~NameLookup();
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  [[nodiscard]] bool done() const { return done_; }
  /// Empty: it has been found.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// Sorted, each once.
  [[nodiscard]] const std::vector<acl::Address>& addresses() const { return addresses_; }

  /// Puts its sockets behind those of others; how long to wait for them, at the longest.
  std::chrono::milliseconds wait_with(std::vector<pollfd>& polled);
  /// What has become of all of them.
  void process(std::span<const pollfd> polled);

 private:
  void ask(const std::string& name);
  static void on_answer(void* argument, int status, int timeouts, ares_addrinfo* found);
  void finish(int status, const ares_addrinfo* found);

  ares_channel channel_ = nullptr;
  std::size_t first_ = 0;  // of what was polled, what is its own
  std::size_t count_ = 0;
  bool done_ = false;
  std::string problem_;
  std::vector<acl::Address> addresses_;
};

}  // namespace postern::net
