#include "sbc/strikes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace postern::sbc {
namespace {

constexpr acl::Proof proven = acl::Proof::proven;

bool is_over(std::uint32_t since_s, std::chrono::seconds find_time, TimePoint now) {
  return std::int64_t{acl::seconds_of(now)} - since_s > find_time.count();
}

std::string_view text_of(const acl::Address& source) {
  const auto& bytes = source.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const acl::RateLimit& tries_of_a_guessed_account() {
  static const acl::RateLimit limit{acl::Rate{.per_second = 1.0 / GuessedAccounts::attempt_every.count(), .burst = 1}};
  return limit;
}

}  // namespace

std::uint32_t StrikeCount::add(std::chrono::seconds find_time, TimePoint now) {
  if (count == 0 || is_over(since_s, find_time, now)) *this = {acl::seconds_of(now), 0};
  if (count < UINT32_MAX) ++count;
  return count;
}

void DistinctUsers::add(std::uint64_t user_hash, std::chrono::seconds find_time, TimePoint now) {
  if (bits == 0 || is_over(since_s, find_time, now)) *this = {0, acl::seconds_of(now)};
  bits |= bit_of(user_hash);
}

// Linear counting: of n balls in 64 bins so many bins stay empty.
std::uint32_t DistinctUsers::count() const {
  constexpr double bins = 64;
  const int empty = std::popcount(~bits);
  if (empty == 0) return most;
  return static_cast<std::uint32_t>(std::lround(bins * std::log(bins / empty)));
}

std::chrono::seconds DistinctUsers::age(TimePoint now) const { return std::chrono::seconds{std::int64_t{acl::seconds_of(now)} - since_s}; }

bool AccountBlocks::add(std::uint64_t pair, AccountBlock block) {
  if (const auto found = by_pair_.find(pair); found != by_pair_.end()) {
    Entry& entry = found->second;
    if (block.until <= entry.block.until) return false;
    block.since = std::min(block.since, entry.block.since);
    ends_.erase(entry.place);
    entry.place = ends_.emplace(block.until, pair);
    entry.block = std::move(block);
    return false;
  }
  if (by_pair_.size() >= capacity_) {
    ++evictions_;
    by_pair_.erase(ends_.begin()->second);
    ends_.erase(ends_.begin());
  }
  const auto place = ends_.emplace(block.until, pair);
  by_pair_.emplace(pair, Entry{std::move(block), place});
  return true;
}

const AccountBlock* AccountBlocks::check(std::uint64_t pair, TimePoint now) const {
  const auto found = by_pair_.find(pair);
  return found != by_pair_.end() && found->second.block.until > now ? &found->second.block : nullptr;
}

std::optional<AccountBlock> AccountBlocks::remove(std::uint64_t pair) {
  const auto found = by_pair_.find(pair);
  if (found == by_pair_.end()) return std::nullopt;
  AccountBlock block = std::move(found->second.block);
  ends_.erase(found->second.place);
  by_pair_.erase(found);
  return block;
}

void AccountBlocks::expire(TimePoint now, std::size_t limit, const std::function<void(const AccountBlock&)>& ended) {
  for (; limit > 0 && !ends_.empty() && ends_.begin()->first <= now; --limit) {
    if (const auto block = remove(ends_.begin()->second)) ended(*block);
  }
}

std::optional<TimePoint> AccountBlocks::each(TimePoint after, std::size_t limit,
                                             const std::function<void(const AccountBlock&)>& visit) const {
  std::optional<TimePoint> last;
  for (auto place = ends_.upper_bound(after); place != ends_.end(); ++place) {
    // All that end at one moment, so that the next call can begin behind it.
    if (limit == 0 && last && place->first != *last) return last;
    visit(by_pair_.at(place->second).block);
    last = place->first;
    if (limit > 0) --limit;
  }
  return std::nullopt;
}

bool GuessedAccounts::Guessed::slowed(TimePoint now) const { return failed.count >= failures && !is_over(failed.since_s, find_time, now); }

void GuessedAccounts::failed(std::uint64_t account, TimePoint now) {
  const std::scoped_lock hold(lock_);
  latest_ = std::max(latest_, now);  // workers read the clock one after another
  Guessed* guessed = table_.touch(account, latest_);
  if (guessed == nullptr) guessed = table_.add(account, {}, latest_, acl::Worth::most());
  guessed->failed.add(find_time, latest_);
}

bool GuessedAccounts::may_try(std::uint64_t account, TimePoint now) {
  const std::scoped_lock hold(lock_);
  latest_ = std::max(latest_, now);
  Guessed* guessed = table_.size() == 0 ? nullptr : table_.find(account);
  return guessed == nullptr || !guessed->slowed(latest_) || guessed->tries.take(tries_of_a_guessed_account(), latest_);
}

std::uint64_t GuessedAccounts::evictions() const {
  const std::scoped_lock hold(lock_);
  return table_.evictions();
}

acl::Worth Strikes::ProvenFirst::worth(const SourceStrikes& strikes, std::uint32_t idle_ticks, TimePoint /*now*/) {
  const auto& counts = strikes.by_proof[static_cast<std::size_t>(proven)];
  const bool counted = counts.failed.count + counts.malformed.count + counts.refused.count + counts.flood.count > 0;
  const bool any = counted || (counts.failed_users.bits | counts.tried.bits) != 0 || strikes.blocked_pair != 0 || strikes.called;
  return {any ? 1 : 0, -std::int64_t{idle_ticks}};
}

acl::Worth Strikes::ProvenFirst::worth(const PairStrikes& strikes, std::uint32_t idle_ticks, TimePoint /*now*/) {
  return {strikes.failed[static_cast<std::size_t>(proven)].count + strikes.while_blocked.count > 0 ? 1 : 0, -std::int64_t{idle_ticks}};
}

Strikes::Strikes(Mac& mac, std::uint64_t seed)
    : mac_(mac),
      sources_(most_sources, seed),
      pairs_(most_pairs, seed + 1),
      acceptances_(most_acceptances, seed + 2),
      offences_(most_offences, seed + 3) {}

std::uint64_t Strikes::pair_of(const acl::Address& source, std::string_view account) const {
  const acl::Address whole = acl::SourceKey(source).address();
  const std::array<std::string_view, 3> parts{"jail-pair", text_of(whole), account};
  return mac_.of(parts).low;
}

std::uint64_t Strikes::account_key(std::string_view account) const {
  const std::array<std::string_view, 2> parts{"jail-account", account};
  return mac_.of(parts).low;
}

SourceStrikes& Strikes::source(const acl::Address& source, TimePoint now) {
  const std::uint64_t key = source_key(source);
  if (SourceStrikes* strikes = sources_.touch(key, now)) return *strikes;
  return *sources_.add(key, {}, now, acl::Worth::most());
}

PairStrikes& Strikes::pair(std::uint64_t pair, TimePoint now) {
  if (PairStrikes* strikes = pairs_.touch(pair, now)) return *strikes;
  return *pairs_.add(pair, {}, now, acl::Worth::most());
}

bool Strikes::has_called(const acl::Address& source) {
  const SourceStrikes* strikes = sources_.find(source_key(source));
  return strikes != nullptr && strikes->called;
}

void Strikes::forget_block(const acl::Address& source, std::uint64_t pair) {
  SourceStrikes* strikes = sources_.find(source_key(source));
  if (strikes != nullptr && strikes->blocked_pair == pair) strikes->blocked_pair = 0;
}

bool Strikes::block(AccountBlock block, TimePoint now) {
  const std::uint64_t key = pair_of(block.source, block.account);
  SourceStrikes& strikes = source(block.source, now);
  strikes.blocked_pair = key;
  strikes.blocked_until = block.until;
  return blocks.add(key, std::move(block));
}

std::array<std::uint64_t, 2> Strikes::accept(const acl::Address& source, std::string_view account, TimePoint now) {
  const std::array<std::uint64_t, 2> keys{source_key(source), pair_of(source, account)};
  for (const std::uint64_t key : keys) restore_acceptance(key, now + remembered_acceptance, now);
  // Who holds one account gets no new tries of others by it: what is proven runs out by itself.
  constexpr auto unproven = static_cast<std::size_t>(acl::Proof::unproven);
  if (PairStrikes* pair = pairs_.find(keys[1])) {
    pair->failed[unproven] = {};
    pair->silenced_until = {};
  }
  if (SourceStrikes* strikes = sources_.find(keys[0])) {
    strikes->by_proof[unproven] = {};
    strikes->by_proof[static_cast<std::size_t>(proven)].tried = {};
  }
  return keys;
}

void Strikes::restore_acceptance(std::uint64_t key, TimePoint until, TimePoint now) {
  if (Until* known = acceptances_.touch(key, now)) {
    known->until = std::max(known->until, until);
  } else {
    acceptances_.add(key, {until, 0}, now, acl::Worth::most());
  }
}

bool Strikes::accepted(std::uint64_t key, TimePoint now) {
  if (acceptances_.size() == 0) return false;
  const Until* known = acceptances_.find(key);
  return known != nullptr && known->until > now;
}

std::size_t Strikes::each_acceptance(std::size_t place, std::size_t limit, TimePoint now,
                                     const std::function<void(std::uint64_t key, TimePoint until)>& visit) const {
  return acceptances_.visit(place, limit, [&](std::uint64_t key, const Until& known) {
    if (known.until > now) visit(key, known.until);
  });
}

std::uint32_t Strikes::offences(const acl::Address& source, TimePoint now) {
  const Until* known = offences_.find(source_key(source));
  return known != nullptr && known->until > now ? known->times : 0;
}

void Strikes::remember_offence(const acl::Address& source, std::uint32_t times, TimePoint until, TimePoint now) {
  const std::uint64_t key = source_key(source);
  if (Until* known = offences_.touch(key, now)) {
    *known = {std::max(known->until, until), std::max(known->times, times)};
  } else {
    offences_.add(key, {until, times}, now, acl::Worth::most());
  }
}

std::size_t Strikes::each_offence(std::size_t place, std::size_t limit, TimePoint now,
                                  const std::function<void(const acl::Address&, std::uint32_t, TimePoint)>& visit) const {
  return offences_.visit(place, limit, [&](std::uint64_t key, const Until& known) {
    if (known.until > now) visit(acl::SourceKey(key).address(), known.times, known.until);
  });
}

std::uint64_t Strikes::evictions() const {
  return sources_.evictions() + pairs_.evictions() + acceptances_.evictions() + offences_.evictions() + blocks.evictions();
}

}  // namespace postern::sbc
