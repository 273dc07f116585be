// What counts against a source or an account, and when it is enough.
#include <algorithm>
#include <array>
#include <string>

#include "sbc/concealment.hpp"
#include "sbc/jail.hpp"
#include "sbc/refused_destinations.hpp"
#include "sbc/registrar.hpp"
#include "sbc/request_head.hpp"
#include "sbc/state.hpp"
#include "sip/challenge.hpp"

namespace postern::sbc {

using acl::Proof;
using std::chrono::seconds;

namespace {

constexpr JailLimit flood_limit{.max_retry = 200, .find_time = seconds{60}};
constexpr std::uint32_t in_a_rush = 4;  // times max_retry: nobody waits for those who may still send their credentials
constexpr seconds time_to_answer{4};    // a challenge, by a phone that means it

Proof proof_of(bool proven) { return proven ? Proof::proven : Proof::unproven; }

/// Does that answer say that there is no such user, or that he has to log in? A PBX that cannot, or a callee who does not want to, speaks
/// against nobody.
bool tells_of_nobody(int status) { return sip::is_challenge(status) || status == 403 || status == 404 || status == 604; }

// A PBX refuses an account by it, but a call that was declined can reach its caller so, too.
bool refuses_account(const sip::RawMessage& response, const Transaction& transaction) {
  if (transaction.method == sip::Method::register_ && Concealment::tells(response.status_code)) return true;
  return response.status_code == 403 && transaction.is_outside_dialog() && !transaction.last_response.starts_with("SIP/2.0 18");
}

}  // namespace

std::string Jail::user_agent_of(const Transaction& transaction) {
  RequestHead head;
  head.read(transaction.original, FirstLetters("u"));
  return std::string(head.value_of(sip::HeaderName::user_agent).substr(0, sip::Bounds::user_agent));
}

void Jail::answered(const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  const int status = response.status_code;
  const bool first_final = status >= 200 && transaction.state < TransactionState::completed;
  if (!first_final || transaction.from.side != Side::access || !state_.options.jail.on) return;
  const auto login = Registrar::login_in(transaction.memo);
  const bool is_refused = sip::is_challenge(status) ? !says_expired(response) : refuses_account(response, transaction);
  if (login && is_refused) slow_down(*login, transaction, now);
  if (exempt(transaction.from.peer.address)) return;
  if (!login) {
    if (tells_of_nobody(status) && transaction.is_outside_dialog()) tried_in_vain(response, transaction, now);
    return;
  }
  if (status < 300 && transaction.is_invite) answered_call(transaction, now);
  if (is_refused) failed(response, transaction, *login, now);
}

// Whoever guesses it, and be it behind the gateway, where nobody can be told from the others.
void Jail::slow_down(std::string_view account, const Transaction& transaction, TimePoint now) {
  const acl::Address& source = transaction.from.peer.address;
  const Strikes& strikes = state_.strikes;
  if (transaction.proven && !state_.strikes.accepted(strikes.pair_of(source, account), now))
    state_.shared->guessed.failed(strikes.account_key(account), now);
}

// What a device without a registration has to show.
void Jail::answered_call(const Transaction& transaction, TimePoint now) {
  const acl::Address& source = transaction.from.peer.address;
  if (!state_.strikes.accepts_some(source, now)) state_.strikes.source(source, now).called = true;
}

bool Jail::succeeds(const acl::Address& source, TimePoint now) {
  return state_.strikes.accepts_some(source, now) || state_.strikes.has_called(source);
}

void Jail::failed(const sip::RawMessage& response, const Transaction& transaction, std::string_view account, TimePoint now) {
  const acl::Address& source = transaction.from.peer.address;
  Strikes& strikes = state_.strikes;
  const std::uint64_t key = strikes.pair_of(source, account);
  const bool known_here = strikes.accepted(key, now);
  if (response.status_code == 403 && succeeds(source, now)) return;
  const JailLimit& limit = state_.options.jail.failed;
  const auto proof = static_cast<std::size_t>(proof_of(transaction.proven));

  const std::string user_agent = user_agent_of(transaction);
  Evidence evidence{.cause = Cause::failed_authentication,
                    .flow = transaction.from,
                    .proven = transaction.proven,
                    .account = account,
                    .message = &response,
                    .packet = transaction.original,
                    .user_agent = user_agent};
  const std::uint32_t of_account = strikes.pair(key, now).failed[proof].add(limit.find_time, now);
  SourceStrikes::Counts& counts = strikes.source(source, now).by_proof[proof];
  const std::uint32_t of_source = counts.failed.add(limit.find_time, now);
  if (!known_here) counts.failed_users.add(strikes.account_key(account), limit.find_time, now);
  const std::uint32_t users = counts.failed_users.count();
  strike(evidence, now);

  const bool devices = others_live_at(source, account, now);
  evidence.strikes = devices ? of_account : of_source;
  if (evidence.strikes >= limit.max_retry) {
    sentence(evidence, now);
  } else if (devices && transaction.proven && users >= limit.max_retry) {  // one password for many accounts
    evidence.strikes = of_source;
    ban(evidence, now);
  }
}

// Users who nothing came of, from where nobody ever succeeded. A phone that means it answers its challenge, and is accepted.
void Jail::tried_in_vain(const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  const auto& limit = state_.options.jail.unknown_users;
  const acl::Address& source = transaction.from.peer.address;
  if (!limit || response.to_user.empty() || succeeds(source, now)) return;
  const auto proof = static_cast<std::size_t>(proof_of(transaction.proven));
  DistinctUsers& tried = state_.strikes.source(source, now).by_proof[proof].tried;
  tried.add(state_.strikes.account_key(response.to_user), limit->find_time, now);
  const std::uint32_t users = tried.count();
  if (users < limit->max_retry) return;
  if (users < in_a_rush * limit->max_retry && tried.age(now) < time_to_answer) return;
  tried = {};
  const std::string user_agent = user_agent_of(transaction);
  judge({.cause = Cause::enumeration,
         .flow = transaction.from,
         .proven = transaction.proven,
         .message = &response,
         .packet = transaction.original,
         .user_agent = user_agent,
         .strikes = users},
        now);
}

void Jail::accepted(const Transaction& transaction, const sip::RawMessage& response, TimePoint now) {
  const auto login = Registrar::login_in(transaction.memo);
  if (!login) return;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const std::string_view account = account_of(response, buffer);
  accepted(transaction.from.peer.address, account, now);
  if (*login != account) accepted(transaction.from.peer.address, *login, now);
}

void Jail::accepted(const acl::Address& source, std::string_view account, TimePoint now) {
  const bool knew = state_.strikes.accepts_some(source, now);
  const auto keys = state_.strikes.accept(source, account, now);
  unblock(keys[1], now);
  if (state_.durable == nullptr) return;
  const TimePoint until = now + Strikes::remembered_acceptance;
  // The next refresh tells again; a source that is new has to be known after a kill.
  for (const std::uint64_t key : keys) state_.durable->keep(DurableAcceptance{key, until}, knew ? Urgency::may_wait : Urgency::at_once);
}

void Jail::foreign_credentials(const sip::RawMessage& request, const Flow& flow, TimePoint now) {
  const JailOptions& jail = state_.options.jail;
  if (!jail.on || exempt(flow.peer.address)) return;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  Evidence evidence{.cause = Cause::failed_authentication, .flow = flow, .account = account_of(request, buffer), .message = &request};
  auto& counts = state_.strikes.source(flow.peer.address, now).by_proof[static_cast<std::size_t>(Proof::unproven)];
  evidence.strikes = counts.failed.add(jail.failed.find_time, now);
  strike(evidence, now);
  // Anybody can make them up: they speak for nobody's account.
  evidence.account = {};
  if (evidence.strikes >= jail.failed.max_retry) sentence(evidence, now);
}

void Jail::malformed(const sip::RawMessage* message, const Flow& flow, bool proven, TimePoint now) {
  const JailOptions& jail = state_.options.jail;
  if (!jail.on || !jail.malformed || exempt(flow.peer.address)) return;
  auto& counts = state_.strikes.source(flow.peer.address, now).by_proof[static_cast<std::size_t>(proof_of(proven))];
  Evidence evidence{.cause = Cause::malformed, .flow = flow, .proven = proven, .message = message};
  evidence.strikes = counts.malformed.add(jail.malformed->find_time, now);
  strike(evidence, now);
  if (evidence.strikes >= jail.malformed->max_retry) sentence(evidence, now);
}

void Jail::refused_destination(const sip::RawMessage& message, const RefusedDestination& refused, bool walks, TimePoint now) {
  const JailOptions& jail = state_.options.jail;
  if (!jail.on || exempt(refused.flow.peer.address)) return;
  auto& counts = state_.strikes.source(refused.flow.peer.address, now).by_proof[static_cast<std::size_t>(proof_of(refused.proven))];
  Evidence evidence{.cause = Cause::refused_destination,
                    .flow = refused.flow,
                    .proven = refused.proven,
                    .account = refused.device,
                    .message = &message,
                    .user_agent = refused.user_agent};
  evidence.strikes = counts.refused.add(jail.failed.find_time, now);
  strike(evidence, now);
  if (walks || evidence.strikes >= jail.failed.max_retry) sentence(evidence, now);
}

void Jail::flooded(const sip::RawMessage& request, const Flow& flow, TimePoint now) {
  if (!state_.options.jail.on || exempt(flow.peer.address)) return;
  auto& counts = state_.strikes.source(flow.peer.address, now).by_proof[static_cast<std::size_t>(Proof::proven)];
  Evidence evidence{.cause = Cause::flood, .flow = flow, .proven = true, .message = &request};
  evidence.strikes = counts.flood.add(flood_limit.find_time, now);
  if (evidence.strikes >= flood_limit.max_retry) judge(evidence, now);
}

}  // namespace postern::sbc
