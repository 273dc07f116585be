// What outlives a restart: the engine tells of each change of it, and takes it back at the next start.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/address.hpp"
#include "acl/bans.hpp"
#include "sbc/cause.hpp"
#include "sbc/registrations.hpp"
#include "sbc/strikes.hpp"

namespace postern::sbc {

struct State;

/// Whether a change must outlive a kill from the moment that a datagram tells of it, or may be lost with the last second.
enum class Urgency : std::uint8_t { at_once, may_wait };

/// A source that is banned on proven evidence.
struct DurableBan {
  acl::Address source;  ///< an IPv4 address, or the first one of an IPv6 /64
  TimePoint until;
  Cause cause = Cause::rule_ban;
  TimePoint since = {};
  std::uint32_t strikes = 1;
  bool strangers_only = true;  ///< no device is registered or was accepted from there: whatever comes may be dropped
};

/// How often a source was banned, and until when that makes its next ban longer.
struct DurableOffence {
  acl::Address source;
  std::uint32_t times = 1;
  TimePoint until;
};

/// An account, or any at all, was accepted from a source: Strikes::accept()'s keys.
struct DurableAcceptance {
  std::uint64_t key = 0;
  TimePoint until;
};

/// A source that a device was accepted from, beyond what its bindings say: each grants trust until its own end, and that outlives it if it
/// is taken off.
struct DurableTrust {
  acl::Address source;
  TimePoint until;
};

/// Which table holds what did not fit a token.
enum class TokenTable : std::uint8_t { inward, outward };

struct TokenContent {
  TokenTable table = TokenTable::inward;
  std::uint64_t key = 0;
  std::string text;
};

/// Told by the engine's thread while it works; references hold during the call. What ends by its own time is not told: each carries its
/// end.
class DurableSink {
 public:
  virtual ~DurableSink() = default;
  /// Of this key (aor_user with core_contact) nothing was told in this run or before it, or it has ended or was forgotten. At once.
  virtual void add(const Binding& binding) = 0;
  /// Moved or prolonged, or told once more.
  virtual void keep(const Binding& binding, Urgency urgency) = 0;
  virtual void forget(const Binding& binding) = 0;
  virtual void keep(const DurableBan& ban) = 0;
  virtual void forget(const DurableBan& ban) = 0;
  virtual void keep(const AccountBlock& block) = 0;
  virtual void forget(const AccountBlock& block) = 0;
  virtual void keep(const DurableOffence& offence) = 0;
  virtual void keep(const DurableAcceptance& acceptance, Urgency urgency) = 0;
  virtual void keep(const DurableTrust& trust, Urgency urgency) = 0;
  virtual void keep(TokenTable table, std::uint64_t key, std::string_view text) = 0;
  virtual void forget(TokenTable table, std::uint64_t key) = 0;
};

/// All of it, as it was kept.
struct DurableState {
  std::vector<Binding> bindings;
  std::vector<DurableBan> bans;
  std::vector<AccountBlock> blocks;
  std::vector<DurableOffence> offences;
  std::vector<DurableAcceptance> acceptances;
  std::vector<DurableTrust> trust;
  std::vector<TokenContent> contents;
};

/// What of it a worker takes over that serves the sources of `is_its`. What did not fit a token, and who was accepted where (the keys tell
/// no source), may be asked for anywhere.
DurableState part_of(const DurableState& kept, const std::function<bool(const acl::Address& source)>& is_its);

/// Where retell_durable() goes on; a new one begins at the beginning.
struct RetellCursor {
  enum class Stage : std::uint8_t { contents, bans, blocks, offences, acceptances, trust, bindings, done };
  Stage stage = Stage::contents;
  std::size_t place = 0;                 ///< of a table of sources
  TimePoint expires = TimePoint::min();  ///< of the last block or binding
};

// What Engine's functions of these names do.
void restore_durable(State& state, DurableState kept, TimePoint now);
void tell_durable(State& state, DurableSink& sink);
void retell_durable(const State& state, RetellCursor& cursor, TimePoint now);

}  // namespace postern::sbc
