// Accounts whose password is weak, as far as an accepted digest showed it. What was tried, and the password, are never kept.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/bounded_table.hpp"
#include "acl/keyed_hash.hpp"
#include "acl/rate.hpp"
#include "sbc/weak_kinds.hpp"

namespace postern::sbc {

struct WeakVerdict {
  WeakKind kind = WeakKind::user_name;
  acl::TimePoint since;
};
using WeakVerdicts = std::map<std::string, WeakVerdict, std::less<>>;  ///< by account: the user name of its credentials

/// One for all workers, and bounded; only requests with credentials ask it, so its lock holds up nobody else. Digests wait in it for a
/// thread that nothing waits for.
class WeakPasswords {
 public:
  static constexpr std::chrono::hours between_looks{24};  ///< at an account that is not weak; a weak one is looked at each time
  static constexpr std::size_t most_waiting = 1024;
  static constexpr std::size_t most_accounts = 131'072;  ///< whose last look is remembered
  static constexpr std::size_t most_weak = 10'000;

  explicit WeakPasswords(std::uint64_t seed) : hash_(seed), looks_(most_accounts, seed + 1) {}

  // The packets' side.
  /// Is the digest of this account, which the PBX has just accepted, to be handed in?
  [[nodiscard]] bool wants(std::string_view account, acl::TimePoint now);
  /// Where too many wait it is counted, and wanted again the next time.
  void hand_in(WatchedDigest digest, acl::TimePoint now);
  /// nullopt: nothing weak is known of it.
  [[nodiscard]] std::optional<WeakKind> verdict_on(std::string_view account) const;

  // The side of the thread that tries.
  /// Called, on a worker's thread, when something waits.
  void on_waiting(std::function<void()> call);
  [[nodiscard]] std::optional<WatchedDigest> take();
  /// What the account's password is; nullopt: not weak, or not any longer. False: so it was known before. Where too many accounts are weak
  /// one more is not kept.
  bool judged(const std::string& account, std::optional<WeakKind> kind, acl::TimePoint now);
  /// What was kept over a restart.
  void restore(WeakVerdicts verdicts);

  [[nodiscard]] WeakVerdicts verdicts() const;
  /// How many accounts have been looked at since the start.
  [[nodiscard]] std::size_t accounts() const;
  /// Of those whose last look is remembered.
  [[nodiscard]] std::uint64_t evictions() const;
  /// Digests that were looked at, and those that there was no room for.
  [[nodiscard]] std::uint64_t looked_at() const { return looked_at_; }
  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  struct Look {
    acl::TimePoint at;
  };
  struct Oldest {
    static acl::Worth worth(const Look& /*look*/, std::uint32_t idle_ticks, acl::TimePoint /*now*/) {
      return {0, -std::int64_t{idle_ticks}};
    }
  };

  mutable std::mutex lock_;
  acl::KeyedHash hash_;
  acl::BoundedTable<Look, Oldest> looks_;
  acl::TimePoint latest_;
  std::deque<WatchedDigest> waiting_;
  WeakVerdicts weak_;
  std::function<void()> call_;
  std::atomic<bool> any_weak_ = false;
  std::atomic<std::uint64_t> looked_at_ = 0, missed_ = 0;
};

}  // namespace postern::sbc
