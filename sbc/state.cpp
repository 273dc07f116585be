#include "sbc/state.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>
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

State::State(Setup first, const Secrets& secrets, EventSink& events, Company company)
    : fellows(company.fellows),
      shared(company.shared ? std::move(company.shared) : std::make_shared<Shared>(secrets.table_seed + 7, true)),
      user_agents(secrets.table_seed + 14),
      mac(part_of<0, 16>(secrets)),
      branches(mac),
      tokens(token_keys(secrets), Capacity::token_contents),
      route_sets(Capacity::route_sets),
      sources(first.options.limits.tracked_sources, secrets.table_seed),
      method_buckets(first.options.limits.tracked_sources, secrets.table_seed + 1),
      bans(Capacity::bans, secrets.table_seed + 2),
      fellow_bans(Capacity::bans, secrets.table_seed + 8),
      scanners(Capacity::scanners, secrets.table_seed + 10),
      strikes(mac, secrets.table_seed + 11),
      registrations(Capacity::registrations, secrets.table_seed + 3),
      fellow_bindings(Capacity::registrations, Registrations::bindings_an_aor, secrets.table_seed + 3),
      credentials(mac, secrets.table_seed + 5, shared->replays),
      concealment(mac),
      transactions(Capacity::transactions, Capacity::transaction_bytes, first.options.pbx.timeout, secrets.table_seed + 4),
      calls(Capacity::calls, &shared->devices),
      call_hash(secrets.table_seed + 9),
      prefix_walks(Capacity::prefix_walks, secrets.table_seed + 12),
      journal(events),
      health(options.pbx, names, mac, journal, metrics.pbx_up, fellows),
      restarted(secrets.restarted) {
  apply(std::move(first));
  if (fellows == nullptr) return;
  tokens.share([this](const TokenContent& content) { fellows->tell(ContentNote{content}); });
  route_sets.tell([this](std::uint64_t dialog, std::string_view text) { fellows->tell(RouteSetNote{dialog, std::string(text)}); });
}

Setup State::apply(Setup next) {
  std::swap(options, next.options);
  std::swap(policy, next.policy);
  std::swap(trusted, next.trusted);
  trunk_networks = acl::NetworkSet(options.trunk_networks);
  metrics_at_apply = metrics;
  countries.clear();
  user_agents.clear();
  verdicts.clear();
  names.apply(options, mac);
  registrations.reached_at(names.core_uri_address());
  branches.apply(options.pbx.addresses, options.listeners);
  tokens.apply(options.pbx.addresses, options.listeners);
  health.apply();
  transactions.apply(options.pbx.timeout);
  return next;
}

void State::tell_registered(const Binding& binding) {
  if (fellows == nullptr) return;
  FellowBinding told{binding.aor_user,
                     binding.core_contact,
                     fellow_bindings.key_of(binding.call_id),
                     fellow_bindings.key_of(binding.instance),
                     binding.expires,
                     registrations.shared_last_heard(binding.flow)};
  fellows->tell(RegisteredNote{std::make_shared<const FellowBinding>(std::move(told))});
}

namespace {

/// What a note does to one who hears of it.
struct Hearer {
  State& state;
  TimePoint now;
  const std::function<void(const Binding&)>& ended;

  void operator()(const BanNote& note) const { state.fellow_bans.add(note.source, acl::Proof::proven, note.until - now, note.cause, now); }
  void operator()(const RegisteredNote& note) const {
    state.fellow_bindings.keep(note.binding);
    state.health.registered(note.binding->aor_user);
  }
  void operator()(const UnregisteredNote& note) const {
    state.fellow_bindings.forget(note.aor_user, note.core_contact);
    if (note.core_contact.empty()) {
      for (const Binding& binding : state.registrations.remove_all(note.aor_user)) ended(binding);
    } else if (const auto binding = state.registrations.remove(note.aor_user, note.core_contact); binding && !note.replaced) {
      ended(*binding);
    }
  }
  void operator()(const ContentNote& note) const { state.tokens.restore(note.content); }
  void operator()(const RouteSetNote& note) const { state.route_sets.restore(note.dialog, note.text); }
  void operator()(const ChallengeNote& note) const {
    sip::RawMessage challenge;
    if (sip::prescreen(note.response, challenge).result == sip::PrescreenResult::message) state.concealment.learn(challenge, now);
  }
  void operator()(const PbxNote& note) const { state.health.told(note, now); }
  void operator()(const PbxDoubtNote& note) const { state.health.doubted(note.address, now); }
  void operator()(const FailedLoginNote& /*note*/) const { state.health.login_failed(now); }
};

}  // namespace

void State::learn(const Note& note, TimePoint now, const std::function<void(const Binding&)>& ended) {
  std::visit(Hearer{*this, now, ended}, note);
}

bool State::is_of_fellow(const sip::ViaView& via, std::string_view branch) {
  const auto& addresses = options.pbx.addresses;
  const auto hop = Branches::pbx_of(branch);
  if (fellows == nullptr || via.port == options.pbx.bind->port || !hop || *hop >= addresses.size()) return false;
  Flow core;
  core.side = Side::core;
  core.peer = addresses[*hop];
  return branches.open(branch, core).has_value();
}

void State::set_token_keys(const Secrets& secrets) { tokens.set_keys(token_keys(secrets)); }

std::string State::country_of(const acl::Address& source) const {
  const acl::Geo& geo = policy->geo();
  return geo.countries ? geo.country(source).to_string() : std::string();
}

Gauges State::gauges() const {
  Gauges gauges;
  gauges.bans_active = bans.size();
  gauges.blocks_active = strikes.blocks.size();
  gauges.registrations = registrations.size();
  gauges.fellow_registrations = fellow_bindings.size();
  gauges.calls = calls.size();
  gauges.sources_tracked = sources.size();
  gauges.token_contents = tokens.table_size();
  gauges.transactions = transactions.size();
  gauges.evicted_sources = sources.evictions();
  gauges.evicted_methods = method_buckets.evictions();
  gauges.evicted_scanners = scanners.evictions();
  gauges.evicted_bans = bans.evictions();
  gauges.evicted_fellow_bans = fellow_bans.evictions();
  gauges.evicted_transactions = transactions.evictions();
  gauges.evicted_registrations = registrations.evictions();
  gauges.evicted_fellow_registrations = fellow_bindings.evictions();
  gauges.evicted_credentials = credentials.evictions() + (options.pbx.worker == 0 ? shared->replays.evictions() : 0);
  gauges.evicted_calls = calls.evictions();
  gauges.evicted_devices = options.pbx.worker == 0 ? shared->devices.evictions() : 0;
  gauges.evicted_strikes = strikes.evictions() + (options.pbx.worker == 0 ? shared->guessed.evictions() : 0);
  gauges.evicted_tokens = tokens.evictions() + route_sets.evictions();
  gauges.evicted_prefix_walks = prefix_walks.evictions();
  gauges.evicted_password_looks = options.pbx.worker == 0 ? shared->weak_passwords.evictions() : 0;
  return gauges;
}

}  // namespace postern::sbc
