#include "sbc/state.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace postern::sbc {
namespace {

template <std::size_t Begin, std::size_t Size>
std::span<const std::uint8_t, Size> part_of(const Secrets& secrets) {
  return std::span<const std::uint8_t, 64>(secrets.secret).subspan<Begin, Size>();
}

std::vector<TokenKey> token_keys(const Secrets& secrets) {
  std::vector<TokenKey> keys(1);
  std::ranges::copy(part_of<32, 32>(secrets), keys.front().begin());
  keys.insert(keys.end(), secrets.old_token_keys.begin(), secrets.old_token_keys.end());
  return keys;
}

}  // namespace

State::State(Setup first, const Secrets& secrets, EventSink& events)
    : mac(part_of<0, 16>(secrets)),
      branches(mac),
      tokens(token_keys(secrets), Capacity::token_contents),
      route_sets(Capacity::route_sets),
      sources(first.options.limits.tracked_sources, secrets.table_seed),
      method_buckets(first.options.limits.tracked_sources, secrets.table_seed + 1),
      bans(Capacity::bans, secrets.table_seed + 2),
      registrations(Capacity::registrations, secrets.table_seed + 3),
      credentials(mac, secrets.table_seed + 5),
      concealment(mac),
      transactions(Capacity::transactions, Capacity::transaction_bytes, first.options.pbx.timeout, secrets.table_seed + 4),
      journal(events),
      health(options.pbx, names, mac, journal, metrics.pbx_up),
      restarted(secrets.restarted) {
  apply(std::move(first));
}

Setup State::apply(Setup next) {
  std::swap(options, next.options);
  std::swap(policy, next.policy);
  std::swap(trusted, next.trusted);
  countries.clear();
  names.apply(options, mac);
  branches.apply(options.pbx.addresses, options.listeners);
  tokens.apply(options.pbx.addresses, options.listeners);
  health.apply();
  transactions.apply(options.pbx.timeout);
  return next;
}

void State::set_token_keys(const Secrets& secrets) { tokens.set_keys(token_keys(secrets)); }

Gauges State::gauges() const {
  Gauges gauges;
  gauges.bans_active = bans.size();
  gauges.registrations = registrations.size();
  gauges.calls = calls.size();
  gauges.sources_tracked = sources.size();
  gauges.transactions = transactions.size();
  gauges.evicted_sources = sources.evictions();
  gauges.evicted_methods = method_buckets.evictions();
  gauges.evicted_bans = bans.evictions();
  gauges.evicted_transactions = transactions.evictions();
  gauges.evicted_registrations = registrations.evictions();
  gauges.evicted_credentials = credentials.evictions();
  gauges.evicted_calls = calls.evictions();
  gauges.evicted_tokens = tokens.evictions() + route_sets.evictions();
  return gauges;
}

}  // namespace postern::sbc
