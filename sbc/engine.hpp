// The pure engine: bytes and a time in, datagrams to send out. No socket, no clock, no file.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/policy.hpp"
#include "acl/rate.hpp"
#include "acl/scanner_score.hpp"
#include "acl/travel_passes.hpp"
#include "sbc/durable.hpp"
#include "sbc/event.hpp"
#include "sbc/fellows.hpp"
#include "sbc/flow.hpp"
#include "sbc/health.hpp"
#include "sbc/jailed.hpp"
#include "sbc/listing.hpp"
#include "sbc/metrics.hpp"
#include "sbc/options.hpp"
#include "sbc/outbox.hpp"
#include "sbc/outcome.hpp"
#include "sbc/setup.hpp"
#include "sbc/switches.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// What keeps tokens, branches and table placement unpredictable. The shell keeps `secret` in the state folder, so that tokens
/// given out before a restart still open; `table_seed` is new at each start.
struct Secrets {
  std::array<std::uint8_t, 64> secret{};
  std::vector<std::array<std::uint8_t, 32>> old_token_keys;  ///< they open tokens still, the newest first
  std::uint64_t table_seed = 0;
  bool restarted = false;  ///< `secret` is that of an earlier run, whose requests may still be under way
};

struct Datagram {
  std::string_view bytes;
  Flow flow;  ///< side, listener, local address, peer
};

/// What the rules had to do with the end of one packet.
struct Decision {
  std::optional<int>
      rule;           ///< which one decided: an index into Policy::rules(), or acl::Verdict::default_rule; nullopt: something else did
  bool bans = false;  ///< the source is banned or silenced from now on
  const acl::Gate* gate = nullptr;  ///< which one refused it, or let it pass before all rules; of the policy
  std::string_view detail;  ///< of what is malformed: the header or the part that is wrong; static storage, but of scanner_score: the signs
  std::optional<acl::ScannerScore> score;     ///< what speaks for a scanner; nullopt: that was not asked
  std::optional<int> spared{};                ///< the rule that does not hold for its travel pass
  std::string_view number{}, number_class{};  ///< of a call that was refused for it: what was dialled, and its class; until the next packet
  bool proven = false;                        ///< of such a call: over a live registration's flow, or it proves its source

  /// As if made anew, for a third of what that costs each packet.
  void clear() {
    rule.reset();
    score.reset();
    spared.reset();
    bans = proven = false;
    gate = nullptr;
    detail = number = number_class = {};
  }
};

struct Binding;
struct Call;

struct SourceFacts {
  std::optional<DurableBan> ban;      ///< or a silence
  bool proven = false;                ///< it is a ban
  std::vector<AccountBlock> blocks;   ///< of accounts there
  std::optional<std::string> device;  ///< whose live registration that very flow carries
  std::size_t devices = 0;            ///< with live registrations from there
  bool known = false;                 ///< a device was accepted from there
  bool over_limit = false;            ///< what bears its address, and no more, is over limits.per_source at this moment
};

class Engine {
 public:
  /// `options.pbx.bind` must be set (the shell finds the local address of the route where the operator left it out).
  /// `events` must outlive the engine.
  Engine(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets, EventSink& events, Company company = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// A reload: from the next packet on this holds. Tables, buckets, transactions and registrations stay; the rules' counts go on by name.
  /// Its listeners are in_slots() of those that there are. Returns what held before, so that another thread may free it.
  Setup apply(Setup setup, TimePoint now);
  /// Is a request under way that came over this listener or was sent over it, and has no final answer yet?
  [[nodiscard]] bool awaits_answers(std::uint8_t listener) const;

  /// The life of a datagram (docs/life-of-a-datagram.md). `now` never runs backwards.
  Outcome handle(const Datagram& datagram, TimePoint now, Outbox& out);

  /// A datagram of this source is among the next: what handle() will look up is fetched meanwhile, nothing else happens.
  void expect(const acl::Address& source);
  /// The same, nearer to its turn: what the step before has brought says what to fetch. In this order; false: the last one is not needed.
  [[nodiscard]] bool expect_soon(const acl::Address& source);
  void expect_next(const acl::Address& source);

  /// What decided the last packet that handle() was given.
  [[nodiscard]] const Decision& last_decision() const;
  /// Takes back what was kept, before the first datagram; what has ended by `now` is left out.
  void restore(DurableState kept, TimePoint now);
  /// From now on each change of what outlives a restart is told to `sink`, which must outlive the engine.
  void tell(DurableSink& sink);
  /// Tells the sink again what stands, some thousand entries a call, and moves the cursor on until RetellCursor::Stage::done.
  void retell(RetellCursor& cursor, TimePoint now) const;
  /// What another worker's engine tells (Fellows::tell()).
  void learn(const Note& note, TimePoint now);
  /// For the operator: calls visit() for the live ones among the next `limit` of the table, and moves the cursor on. False: that was all.
  bool list(ListCursor& cursor, std::size_t limit, TimePoint now, const std::function<void(const Binding&)>& visit) const;
  /// The same of calls.
  bool list(ListCursor& cursor, std::size_t limit, const std::function<void(const Call&)>& visit) const;
  /// The travel passes that stand from now on, those of before included.
  void set_passes(std::shared_ptr<const acl::TravelPasses> passes);
  /// The same of what the operator has switched.
  void set_switches(std::shared_ptr<const Switches> switches);
  /// Who is kept out: calls visit() for what is in force among the next `limit`. False: that was all.
  bool list(JailedCursor& cursor, std::size_t limit, TimePoint now, const VisitJailed& visit) const;
  /// What is known of a source, and of a flow from there, by which a packet of it is judged: for `explain --live` and `why`.
  [[nodiscard]] SourceFacts facts_of(const Flow& flow, TimePoint now);
  /// Do packets of this source come to this worker? What is known of it is known there.
  [[nodiscard]] bool serves(const acl::Address& source) const;
  /// Of how many devices there are live registrations from there.
  [[nodiscard]] std::size_t devices_at(const acl::Address& source, TimePoint now) const;
  /// The operator bans a source, at the worker that serves it. False: it is one that never is.
  bool ban(const acl::Address& source, std::chrono::seconds duration, TimePoint now);
  /// He takes back what keeps a source out, or the block of that account there alone. False: there was nothing.
  bool pardon(const acl::Address& source, std::string_view account, TimePoint now);
  /// All of it; returns of how many sources.
  std::size_t pardon_all(TimePoint now);
  /// For the operator, as this worker sees it.
  [[nodiscard]] PbxStanding pbx_standing() const;
  /// Tokens are sealed with another key from now on (the part of Secrets::secret that seals them, and Secrets::old_token_keys).
  void set_token_keys(const Secrets& secrets);

  /// A connection was accepted (a flow that is not of UDP, with its id), and nothing was read from it. `forwarded`: it may stay; else it is
  /// to be closed at once, and why was counted and told: banned, or refused by a rule whatever it were to say.
  Outcome connected(const Flow& flow, TimePoint now);
  /// A connection came to nothing before its first message: for the log. `why`: a word for it, `meaning`: in words.
  /// `malformed`: what came was no handshake.
  void connection_refused(const Flow& flow, std::string_view why, std::string_view meaning, bool malformed, TimePoint now);
  /// A connection that might stay has ended. Whoever waits for the answer of a phone that was called over it is told (advance()).
  void disconnected(const Flow& flow, TimePoint now);
  /// The same of the connection to one of the PBX's addresses, which is made again whenever it ends or cannot be made (`why`: for the
  /// operator). Nothing goes to an address whose connection has ended.
  void pbx_connected(const Endpoint& pbx, TimePoint now);
  void pbx_disconnected(const Endpoint& pbx, std::string_view why, TimePoint now);
  /// Does a live registration or a call need it, so that it is not to be closed for being idle?
  [[nodiscard]] bool keeps(const Flow& flow, TimePoint now) const;

  /// When advance() has something to do next; nullopt: nothing is pending.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Timers that are due: retransmissions, transaction timeouts, expiries. A bounded amount of work a call.
  void advance(TimePoint now, Outbox& out);

  [[nodiscard]] const Metrics& metrics() const;
  /// What had been counted when the configuration was taken over that holds now.
  [[nodiscard]] const Metrics& metrics_at_apply() const;
  [[nodiscard]] Gauges gauges() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
