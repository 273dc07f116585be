// Proven bans in the kernel as well (`kernel: nftables`), so that a banned flood costs no more than its way to the firewall.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "acl/address.hpp"
#include "acl/rate.hpp"
#include "sbc/net/log.hpp"
#include "sbc/options.hpp"

namespace postern::net {

/// The table `inet postern` of nftables: a set of banned addresses for each family, whose elements end by themselves, and a chain that
/// drops what comes from there for the listeners' ports, and nothing else. A thread of its own writes it, so that no packet waits; each
/// second it looks whether the table still stands (`nft flush ruleset`) and puts all of it back. Whatever fails is told once, and tried
/// again.
class KernelBans {
 public:
  static constexpr std::size_t most = 65'536;  ///< that stand there; what is beyond is left to Postern

  /// `log` must outlive it.
  explicit KernelBans(Log& log);
  /// The table is removed, as fail2ban does: bans that stand are put again at the next start.
  ~KernelBans();
  KernelBans(const KernelBans&) = delete;
  KernelBans& operator=(const KernelBans&) = delete;

  /// At the start and when a reload changes them. Off: the table is removed. From the main thread.
  void apply(bool on, std::span<const sbc::ListenerOptions> listeners);
  /// The address, or its /64, is banned until then; a time that has passed: no longer. From any thread, and while it is off too.
  void keep(const acl::Address& source, acl::TimePoint until);

 private:
  class Table;

  void run(const std::stop_token& stop);
  void forget_ended(acl::TimePoint now);

  Log& log_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  // Under the mutex:
  std::map<acl::Address, acl::TimePoint> bans_;
  std::vector<acl::Address> changed_;  ///< since the thread has looked
  bool all_changed_ = true;
  bool on_ = false;
  std::vector<std::uint16_t> ports_;

  std::jthread thread_;  // while it is on, or was
};

}  // namespace postern::net
