// What speaks against sources and accounts, and what speaks for them: the jail's memory, in bounded tables.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "acl/address.hpp"
#include "acl/bans.hpp"
#include "acl/bounded_table.hpp"
#include "acl/rate.hpp"
#include "sbc/cause.hpp"
#include "sbc/jail_options.hpp"
#include "sbc/mac.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// Counts as fail2ban does: from the first strike on, and anew once find_time is over.
struct StrikeCount {
  std::uint32_t since_s = 0;  ///< of steady_clock
  std::uint32_t count = 0;
  /// One more; returns how many that makes.
  std::uint32_t add(std::chrono::seconds find_time, TimePoint now);
};

/// How many different users a source has tried, by a hash of each: 64 bits tell up to some hundred apart, near enough.
struct DistinctUsers {
  static constexpr std::uint32_t most = 200;  ///< a larger limit is never reached
  std::uint64_t bits = 0;
  std::uint32_t since_s = 0;  ///< the first of them
  void add(std::uint64_t user_hash, std::chrono::seconds find_time, TimePoint now);
  [[nodiscard]] std::uint32_t count() const;
  /// Since the first of them.
  [[nodiscard]] std::chrono::seconds age(TimePoint now) const;

 private:
  static std::uint64_t bit_of(std::uint64_t user_hash) { return std::uint64_t{1} << (user_hash >> 58U); }
};

/// What speaks against one source: what is proven by itself, since the rest can be forged in its name.
struct SourceStrikes {
  struct Counts {
    StrikeCount failed, malformed, refused, flood;
    DistinctUsers failed_users;  ///< whose credentials were refused, and who were never accepted from there
    DistinctUsers tried;         ///< whom nothing came of
  };
  std::array<Counts, 2> by_proof;  ///< by acl::Proof
  std::uint64_t blocked_pair = 0;  ///< the account that is blocked there, as Strikes::pair_of(); a second one makes it the source's doing
  TimePoint blocked_until;
  TimePoint withheld_until;  ///< a ban of it would stand, if bans were enforced
  bool called = false;       ///< a call of one who had to log in was answered
};

/// The same of one account at one source.
struct PairStrikes {
  std::array<StrikeCount, 2> failed;  ///< by acl::Proof
  StrikeCount while_blocked;
  TimePoint next_try;        ///< while it is blocked where it was accepted
  TimePoint silenced_until;  ///< its unproven packets with credentials are dropped
};

/// An account that may do nothing at one source.
struct AccountBlock {
  acl::Address source;
  std::string account;
  TimePoint until, since;
  Cause cause = Cause::failed_authentication;
  std::uint32_t strikes = 1;
};

/// The blocks in force; where there is no room the one that ends soonest goes.
class AccountBlocks {
 public:
  explicit AccountBlocks(std::size_t capacity) : capacity_(capacity) {}

  /// Adds or prolongs; true: it is new.
  bool add(std::uint64_t pair, AccountBlock block);
  [[nodiscard]] const AccountBlock* check(std::uint64_t pair, TimePoint now) const;
  std::optional<AccountBlock> remove(std::uint64_t pair);
  /// Removes and tells what has ended, at most `limit`.
  void expire(TimePoint now, std::size_t limit, const std::function<void(const AccountBlock&)>& ended);
  /// Calls visit() for at most `limit` that end after `after`, the soonest first; returns the end of the last, nullopt: that was all.
  std::optional<TimePoint> each(TimePoint after, std::size_t limit, const std::function<void(const AccountBlock&)>& visit) const;
  [[nodiscard]] std::size_t size() const { return by_pair_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  using Ends = std::multimap<TimePoint, std::uint64_t>;
  struct Entry {
    AccountBlock block;
    Ends::iterator place;
  };
  std::size_t capacity_;
  std::unordered_map<std::uint64_t, Entry> by_pair_;  // keys are a MAC's: nobody chooses them
  Ends ends_;
  std::uint64_t evictions_ = 0;
};

/// Accounts that are guessed from many addresses: what comes from where an account was never accepted is slowed down. One for all workers;
/// only failed logins, and requests with credentials from elsewhere, ask it.
class GuessedAccounts {
 public:
  static constexpr std::uint32_t failures = 20;                             ///< in find_time, from where the account was never accepted
  static constexpr std::chrono::seconds find_time{600}, attempt_every{60};  ///< from then on

  explicit GuessedAccounts(std::uint64_t seed) : table_(capacity, seed) {}
  void failed(std::uint64_t account, TimePoint now);
  /// False: too many tries of this account.
  bool may_try(std::uint64_t account, TimePoint now);
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  static constexpr std::size_t capacity = 65'536;
  struct Guessed {
    StrikeCount failed;
    acl::TokenBucket tries;
    bool slowed(TimePoint now) const;
  };
  struct Idle {
    static acl::Worth worth(const Guessed& guessed, std::uint32_t idle_ticks, TimePoint /*now*/) {
      return {guessed.failed.count >= failures ? 1 : 0, -std::int64_t{idle_ticks}};
    }
  };
  mutable std::mutex lock_;
  acl::BoundedTable<Guessed, Idle> table_;
  TimePoint latest_;
};

/// All of one worker's. Sources are known by acl::SourceKey, which costs nothing; what names an account by a MAC whose key outlives a
/// restart.
class Strikes {
 public:
  static constexpr std::chrono::hours remembered_acceptance{30 * 24};

  Strikes(Mac& mac, std::uint64_t seed);

  [[nodiscard]] static std::uint64_t source_key(const acl::Address& source) { return acl::SourceKey(source).value(); }
  [[nodiscard]] std::uint64_t pair_of(const acl::Address& source, std::string_view account) const;
  [[nodiscard]] std::uint64_t account_key(std::string_view account) const;

  /// Made if need be; the reference holds until the next call.
  SourceStrikes& source(const acl::Address& source, TimePoint now);
  PairStrikes& pair(std::uint64_t pair, TimePoint now);
  /// Is there something to look up at all? Else the next is nullptr anyway.
  [[nodiscard]] const PairStrikes* find_pair(std::uint64_t pair) { return pairs_.size() == 0 ? nullptr : pairs_.find(pair); }
  void forget_pair(std::uint64_t pair) { pairs_.erase(pair); }
  /// That account is not the one that is blocked there any more.
  void forget_block(const acl::Address& source, std::uint64_t pair);
  void forget_source(const acl::Address& source) { sources_.erase(source_key(source)); }

  /// A REGISTER of the account was accepted from there. Returns the keys that hold from now on, for who keeps them over a restart.
  std::array<std::uint64_t, 2> accept(const acl::Address& source, std::string_view account, TimePoint now);
  void restore_acceptance(std::uint64_t key, TimePoint until, TimePoint now);
  /// SourceStrikes::called
  [[nodiscard]] bool has_called(const acl::Address& source);
  /// Was any account accepted from there not long ago? Was this one?
  [[nodiscard]] bool accepts_some(const acl::Address& source, TimePoint now) { return accepted(source_key(source), now); }
  [[nodiscard]] bool accepted(std::uint64_t key, TimePoint now);
  /// As BoundedTable::visit().
  std::size_t each_acceptance(std::size_t place, std::size_t limit, TimePoint now,
                              const std::function<void(std::uint64_t key, TimePoint until)>& visit) const;

  /// How often a source was banned before, as far as that is remembered.
  [[nodiscard]] std::uint32_t offences(const acl::Address& source, TimePoint now);
  void remember_offence(const acl::Address& source, std::uint32_t times, TimePoint until, TimePoint now);
  std::size_t each_offence(std::size_t place, std::size_t limit, TimePoint now,
                           const std::function<void(const acl::Address& source, std::uint32_t times, TimePoint until)>& visit) const;

  /// The account may do nothing at that source. True: it is new.
  bool block(AccountBlock block, TimePoint now);
  AccountBlocks blocks{20'000};

  [[nodiscard]] std::uint64_t evictions() const;

 private:
  static constexpr std::size_t most_sources = 65'536, most_pairs = 65'536, most_acceptances = 262'144, most_offences = 262'144;

  struct Until {
    TimePoint until;
    std::uint32_t times = 0;
  };
  struct Longest {
    static acl::Worth worth(const Until& entry, std::uint32_t /*idle_ticks*/, TimePoint now) {
      return {entry.until > now ? 1 : 0, entry.until.time_since_epoch().count()};
    }
  };
  /// What is proven stays, so that forged evidence never pushes it out.
  struct ProvenFirst {
    static acl::Worth worth(const SourceStrikes& strikes, std::uint32_t idle_ticks, TimePoint /*now*/);
    static acl::Worth worth(const PairStrikes& strikes, std::uint32_t idle_ticks, TimePoint now);
  };

  Mac& mac_;
  acl::BoundedTable<SourceStrikes, ProvenFirst> sources_;
  acl::BoundedTable<PairStrikes, ProvenFirst> pairs_;
  acl::BoundedTable<Until, Longest> acceptances_;
  acl::BoundedTable<Until, Longest> offences_;
};

}  // namespace postern::sbc
