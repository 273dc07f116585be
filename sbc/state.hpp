// All that one worker remembers: the tables and tools that the steps of a datagram's life share.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "acl/bans.hpp"
#include "acl/country_cache.hpp"
#include "acl/keyed_hash.hpp"
#include "acl/networks.hpp"
#include "acl/policy.hpp"
#include "acl/scanner_score.hpp"
#include "acl/source_verdicts.hpp"
#include "acl/sources.hpp"
#include "acl/travel_passes.hpp"
#include "acl/user_agent_memory.hpp"
#include "sbc/calls.hpp"
#include "sbc/concealment.hpp"
#include "sbc/connections.hpp"
#include "sbc/credentials.hpp"
#include "sbc/durable.hpp"
#include "sbc/enforcement.hpp"
#include "sbc/engine.hpp"
#include "sbc/fellow_bindings.hpp"
#include "sbc/fellows.hpp"
#include "sbc/health.hpp"
#include "sbc/journal.hpp"
#include "sbc/mac.hpp"
#include "sbc/metrics.hpp"
#include "sbc/names.hpp"
#include "sbc/prefix_walks.hpp"
#include "sbc/registrations.hpp"
#include "sbc/route_sets.hpp"
#include "sbc/sealed_branch.hpp"
#include "sbc/setup.hpp"
#include "sbc/strikes.hpp"
#include "sbc/switches.hpp"
#include "sbc/tokens.hpp"
#include "sbc/transactions.hpp"
#include "sip/editor.hpp"

namespace postern::sbc {

/// The bounds of the tables that the operator does not set. Tables grow with use: a registration takes about a kilobyte, a transaction half
/// a kilobyte beside its text, so an edge with 2,000 extensions stays far below 100 MB.
struct Capacity {
  static constexpr std::size_t transactions = 65'536;
  static constexpr std::size_t transaction_bytes = 32U << 20U;
  static constexpr std::size_t registrations = 250'000;
  static constexpr std::size_t bans = 1'000'000;
  static constexpr std::size_t token_contents = 100'000;
  static constexpr std::size_t route_sets = 20'000;
  static constexpr std::size_t calls = 20'000;
  static constexpr std::size_t scanners = 65'536;
  static constexpr std::size_t prefix_walks = 16'384;
};

struct State {
  /// Requests that are under way at a start may be answered so much later: a phone rings for minutes, and a queue lets callers wait.
  static constexpr std::chrono::minutes recall_window{10};

  State(Setup first, const Secrets& secrets, EventSink& events, Company company);
  /// At the start and at each reload. Takes over all but the bounds of the tables, which hold from the start, and keeps what the tables
  /// hold. Returns what held before, so that another thread may free it.
  Setup apply(Setup next);
  /// As Engine::set_token_keys().
  void set_token_keys(const Secrets& secrets);
  [[nodiscard]] Gauges gauges() const;
  /// "NZ" ...; empty: not known.
  [[nodiscard]] std::string country_of(const acl::Address& source) const;
  /// Tells the other workers, if there are any.
  void tell_fellows(Note note) const {
    if (fellows != nullptr) fellows->tell(std::move(note));
  }
  /// Tells them of a registration of ours.
  void tell_registered(const Binding& binding);
  /// What another worker tells. `ended` is called for each of our bindings that has ended there.
  void learn(const Note& note, TimePoint now, const std::function<void(const Binding&)>& ended);
  /// Do packets of this source come to this worker?
  [[nodiscard]] bool serves(const acl::Address& source) const { return fellows == nullptr || fellows->is_ours(source); }
  /// Do the packets of a device with this flow come to another worker?
  [[nodiscard]] bool is_of_another(const Flow& device) const { return is_datagram(device.transport) && !serves(device.peer.address); }
  /// Did another worker send a request with this Via and branch to the PBX? Its transactions are not ours to look into, but what it sealed
  /// is known again.
  [[nodiscard]] bool is_of_fellow(const sip::ViaView& via, std::string_view branch);
  [[nodiscard]] bool trusts(const acl::Address& source) const { return !trusted.empty() && trusted.contains(source); }
  [[nodiscard]] bool is_banned(const acl::Address& source, TimePoint now) {
    const acl::Ban* ban = ban_of(source, now);
    return ban != nullptr && ban->proof == acl::Proof::proven;
  }
  /// The ban in force, or nullptr.
  [[nodiscard]] const acl::Ban* ban_of(const acl::Address& source, TimePoint now) {
    const acl::Ban* own = bans.check(source, now);
    return own == nullptr && fellow_bans.size() > 0 ? fellow_bans.check(source, now) : own;
  }

  /// Somebody there is known, has proved himself, or is registered: to be banned or silenced does not mean to be unheard. Whoever makes a
  /// source so while packets come says it here: where nobody could pass a ban Admission::check_ban() asks no other table from then on.
  void hear_out(const acl::Address& source, TimePoint now) {
    if (bans.size() > 0) bans.hear_out(source, now);
    if (fellow_bans.size() > 0) fellow_bans.hear_out(source, now);
  }

  /// What will be looked up for a source is fetched in three steps, nothing else happens. Of who is banned, or was dropped for where he
  /// comes from, nothing else will be looked up, and to fetch more would cost more than it gains. The second tells whether the third has
  /// anything left to do.
  void expect(const acl::Address& source) {
    if (bans.size() > 0) {
      bans.expect(source);
    } else {
      registrations.expect(source);
      verdicts.expect(source);
    }
  }
  [[nodiscard]] bool expect_soon(const acl::Address& source) {
    if (bans.size() > 0) {
      if (bans.expect_soon(source)) return false;
      registrations.expect(source);
      verdicts.expect(source);
    } else if (verdicts.may_drop(source)) {
      return false;
    }
    sources.expect(source);
    return true;
  }
  void expect_next(const acl::Address& source) {
    if (bans.size() > 0 && (bans.expect_next(source) || verdicts.may_drop(source))) return;
    sources.expect_soon(source);
  }

  /// A pass stands for somebody in the country of this source: what comes from there has to be read.
  [[nodiscard]] bool may_have_pass(const acl::Address& source, TimePoint now) {
    return !passes->empty() && passes->name(countries.of(policy->geo(), source), now);
  }

  /// What refusals are worth now.
  [[nodiscard]] Enforcement enforcement(TimePoint now) const {
    if (switches->bypass(now)) return Enforcement::bypass;
    return options.enforce ? Enforcement::on : Enforcement::shadow;
  }

  Fellows* fellows;  ///< nullptr: this is the only worker
  std::shared_ptr<Shared> shared;

  // What is configured.
  EngineOptions options;
  std::shared_ptr<const acl::Policy> policy;
  acl::NetworkSet trusted;
  std::shared_ptr<const acl::TravelPasses> passes = std::make_shared<acl::TravelPasses>();
  std::shared_ptr<const Switches> switches = std::make_shared<Switches>();
  acl::NetworkSet trunk_networks;  ///< never banned either

  acl::CountryCache countries;
  acl::UserAgentMemory user_agents;
  acl::SourceVerdicts verdicts;
  Mac mac;
  Names names;
  Branches branches;
  Tokens tokens;
  RouteSets route_sets;
  acl::SourceTable sources;
  acl::MethodBuckets method_buckets;
  acl::BanTable bans;
  acl::BanTable fellow_bans;  ///< proven ones that other workers have imposed
  acl::ScannerMemory scanners;
  Strikes strikes;
  Registrations registrations;
  FellowBindings fellow_bindings;
  Connections connections;
  Credentials credentials;
  Concealment concealment;
  Transactions transactions;
  Calls calls;
  acl::KeyedHash call_hash;  ///< what makes their keys
  PrefixWalks prefix_walks;
  sip::Editor editor;
  std::string_view packet;  ///< the one being handled, for the log; empty: none is
  Journal journal;
  Metrics metrics;
  Metrics metrics_at_apply;  ///< what had been counted when this configuration was taken over
  Health health;
  DurableSink* durable = nullptr;    ///< who is told of changes that outlive a restart, if anybody is
  bool restarted;                    ///< there was a run before this one
  std::optional<TimePoint> started;  ///< when the first packet came

  /// May what matches no transaction belong to one of before the start?
  [[nodiscard]] bool recalls(TimePoint now) const { return restarted && started && now < *started + recall_window; }
};

}  // namespace postern::sbc
