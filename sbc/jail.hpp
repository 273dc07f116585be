// Who is kept out for what he does (configuration.md, "Words" and `jail`): strikes become silences, blocks of an account, bans.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/bans.hpp"
#include "acl/options.hpp"
#include "acl/shell_pattern.hpp"
#include "sbc/cause.hpp"
#include "sbc/credentials.hpp"
#include "sbc/event.hpp"
#include "sbc/flow.hpp"
#include "sbc/jailed.hpp"
#include "sbc/outcome.hpp"
#include "sbc/transactions.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

struct State;
struct SourceStanding;
struct RefusedDestination;

/// Something that speaks against a source, and as whom it came.
struct Evidence {
  Cause cause = Cause::rule_ban;
  const Flow& flow;
  bool proven = false;                                ///< the packet proves where it comes from
  std::string_view account = {};                      ///< whom it claims to be, canonical; empty: nobody
  const sip::RawMessage* message = nullptr;           ///< for the log
  std::string_view packet = {};                       ///< the same, where it is not the one being handled
  std::string_view user_agent = {};                   ///< where the message is not its own
  std::string_view rule = {};                         ///< its name, of rule_ban
  std::string_view detail = {};                       ///< what it was, for the log
  std::uint32_t strikes = 1;                          ///< how many that makes
  std::optional<std::chrono::seconds> ban_time = {};  ///< of the rule; nullopt: the jail's, longer each time
};

/// What came of it.
enum class Sentence : std::uint8_t {
  none,      ///< the packet is refused, and that is all
  silenced,  ///< the source's unproven packets, or those of the account with credentials, for at most a minute
  blocked,   ///< the account at that source
  banned,    ///< the source
};

/// Unproven evidence can be forged: it touches neither a flow with a live registration nor a source where devices live or accounts were
/// accepted. Proven evidence bans the source, or where devices live the account there first. Trusted sources, the PBX, our own addresses
/// and the gateway never are.
class Jail {
 public:
  explicit Jail(State& state) : state_(state) {}
  /// Takes over the state's options.
  void apply(TimePoint now);
  /// Lets in who is never banned, by the options of now, and was.
  void spare_exempt(TimePoint now);

  /// A strike that needs no repetition.
  Sentence judge(const Evidence& evidence, TimePoint now);

  /// A final answer of the PBX, before it is passed on: `transaction` as it is before.
  void answered(const sip::RawMessage& response, const Transaction& transaction, TimePoint now);
  /// A REGISTER with credentials was accepted.
  void accepted(const Transaction& transaction, const sip::RawMessage& response, TimePoint now);
  /// Credentials were taken off a request, since they were made for somebody else: a strike of no proof.
  void foreign_credentials(const sip::RawMessage& request, const Flow& flow, TimePoint now);
  /// What is malformed, by message or handshake. `message`: nullptr, if nothing of it could be read.
  void malformed(const sip::RawMessage* message, const Flow& flow, bool proven, TimePoint now);
  /// A call to what its caller may not call, or that came to nothing; `message`: the request, or the answer to it. `walks`: the same number
  /// under many prefixes, which needs no repetition.
  void refused_destination(const sip::RawMessage& message, const RefusedDestination& refused, bool walks, TimePoint now);
  /// A packet over the limit of its source that proves where it comes from.
  void flooded(const sip::RawMessage& request, const Flow& flow, TimePoint now);

  /// What is asked of a request outside a dialog: is one of its accounts blocked there, or guessed from many addresses?
  struct Standing {
    Outcome outcome = Outcome::forwarded;
    int status = 0;  ///< the answer; 0: silence
  };
  Standing check(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, const CredentialsVerdict& credentials,
                 TimePoint now);
  /// Is this source banned, or silenced, but the request of an account that was accepted from there?
  [[nodiscard]] bool passes_ban(const sip::RawMessage& request, const Flow& flow, const CredentialsVerdict& credentials, TimePoint now);
  /// Does nobody legit call (`request_user`, as it stands in the URI) or register whom it names?
  [[nodiscard]] bool is_trap(const sip::RawMessage& request, std::string_view request_user) const;
  /// The same of a user as a PBX decodes it.
  [[nodiscard]] bool is_trap_user(std::string_view canonical) const;

  /// The operator's. False: that source is one that is never banned.
  bool ban(const acl::Address& source, std::chrono::seconds duration, TimePoint now);
  /// True: there was something to take away: a ban or a silence and, unless `account` is given, all blocks there, and what was counted.
  bool pardon(const acl::Address& source, std::string_view account, TimePoint now);
  /// All bans, silences and blocks, and what was counted there. Returns of how many sources.
  std::size_t pardon_all(TimePoint now);
  /// Calls visit() for what is in force among the next `limit`. False: that was all.
  bool list(JailedCursor& cursor, std::size_t limit, TimePoint now, const VisitJailed& visit) const;
  /// Blocks that have ended are taken out and told.
  void expire(TimePoint now);

  /// The account of a request: the user of To for a REGISTER, else of From, as a PBX decodes it.
  static std::string_view account_of(const sip::RawMessage& message, std::array<char, 256>& buffer);
  /// Of the request, for the log of what its answer says.
  static std::string user_agent_of(const Transaction& transaction);

 private:
  [[nodiscard]] bool exempt(const acl::Address& source) const;
  [[nodiscard]] bool has_pass(const acl::Address& address, std::string_view account, TimePoint now) const;
  /// Does another device than this account live there?
  [[nodiscard]] bool others_live_at(const acl::Address& source, std::string_view account, TimePoint now) const;
  /// What comes of evidence that is enough.
  Sentence sentence(const Evidence& evidence, TimePoint now);
  /// Only counts now: it is told.
  bool withheld(const Evidence& evidence, TimePoint now);
  [[nodiscard]] std::chrono::seconds ban_time_of(const Evidence& evidence, std::uint32_t offences) const;
  Sentence silence(const Evidence& evidence, TimePoint now);
  Sentence silence_account(const Evidence& evidence, TimePoint now);
  Sentence block(const Evidence& evidence, TimePoint now);
  Sentence ban(const Evidence& evidence, TimePoint now);
  void accepted(const acl::Address& source, std::string_view account, TimePoint now);
  void failed(const sip::RawMessage& response, const Transaction& transaction, std::string_view account, TimePoint now);
  void slow_down(std::string_view account, const Transaction& transaction, TimePoint now);
  void answered_call(const Transaction& transaction, TimePoint now);
  /// Was an account accepted from there, or a call answered?
  [[nodiscard]] bool succeeds(const acl::Address& source, TimePoint now);
  void tried_in_vain(const sip::RawMessage& response, const Transaction& transaction, TimePoint now);
  /// Is this account blocked there, or silenced? `tries`: it comes with credentials; `told`: who asks gets an answer.
  std::optional<Standing> held_back(Evidence evidence, bool tries, bool told, TimePoint now);
  /// May an account that was accepted there and is blocked now show its password, or ask for the challenge? It lifts the block by it.
  bool may_show_password(std::uint64_t pair, bool tries, TimePoint now);
  /// A blocked account is tried again.
  void goes_on(Evidence evidence, std::uint64_t pair, TimePoint now);
  void strike(const Evidence& evidence, TimePoint now);
  /// Takes a block away. False: there is none.
  bool unblock(std::uint64_t pair, TimePoint now);
  void tell(EventKind kind, const Evidence& evidence, const char* proof, std::chrono::seconds duration, TimePoint now);
  void tell_unblocked(const acl::Address& source, std::string_view account, Cause cause, TimePoint now);

  State& state_;
  std::vector<acl::ShellPattern> traps_;
};

}  // namespace postern::sbc
