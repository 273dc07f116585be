// Proven bans in the kernel as well (`kernel: nftables`), so that a banned flood costs no more than its way to the firewall.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "acl/address.hpp"
#include "acl/networks.hpp"
#include "acl/rate.hpp"
#include "sbc/durable.hpp"
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

  /// At the start and at each reload. Off: the table is removed, at the start one that a killed run has left. Bans of who is never banned
  /// by these options are forgotten. From the main thread.
  void apply(bool on, const sbc::EngineOptions& options);
  /// The bans of the run before; but not where a phone is registered, which a ban leaves alone.
  void restore(const sbc::DurableState& kept);
  /// The address, or its /64, is banned until then; a time that has passed: no longer. From any thread, and while it is off too. A /64 that
  /// has an address in it that is never banned is left to Postern.
  void keep(const acl::Address& source, acl::TimePoint until);

 private:
  class Table;

  void run(const std::stop_token& stop);
  void forget_ended(acl::TimePoint now);
  [[nodiscard]] bool has_room(acl::TimePoint now);

  Log& log_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  // Under the mutex:
  std::map<acl::Address, acl::TimePoint> bans_;
  std::vector<acl::Address> changed_;  ///< since the thread has looked
  bool all_changed_ = true;
  acl::NetworkSet spared_;  ///< nothing of it stands there
  acl::TimePoint look_for_room_at_;
  bool on_ = false;
  std::vector<std::uint16_t> ports_;

  bool applied_ = false;  // the main thread's
  std::jthread thread_;   // while it is on, or was
};

}  // namespace postern::net
