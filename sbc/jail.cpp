#include "sbc/jail.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "sbc/admission.hpp"
#include "sbc/hidden_callers.hpp"
#include "sbc/state.hpp"
#include "sip/user.hpp"

namespace postern::sbc {

using acl::Proof;
using std::chrono::seconds;

namespace {

constexpr std::uint32_t blocked_tries = 3;  // times max_retry, and the address follows
constexpr std::size_t blocks_a_turn = 256;
constexpr seconds try_of_accepted{30};  // anybody behind its address may guess for an account, and it must not lose its owner for that
constexpr std::size_t longest_account = 128;

std::string cure_of(const Evidence& evidence, bool of_account) {
  const std::string source = acl::SourceKey(evidence.flow.peer.address).address().to_string();
  return "let in again by: postern bans remove " + source + (of_account ? " --account " + std::string(evidence.account) : std::string());
}

}  // namespace

void Jail::apply(TimePoint now) {
  spare_exempt(now);
  traps_.clear();
  for (const std::string& pattern : state_.options.jail.trap_extensions) {
    if (auto compiled = acl::ShellPattern::compile(pattern)) traps_.push_back(std::move(*compiled));
  }
}

void Jail::spare_exempt(TimePoint now) {
  std::vector<acl::Address> spared;
  const auto note = [&](const acl::Address& source) {
    if (exempt(source)) spared.push_back(source);
  };
  state_.bans.each(0, SIZE_MAX, now, [&](const acl::Address& source, const acl::Ban&) { note(source); });
  state_.fellow_bans.each(0, SIZE_MAX, now, [&](const acl::Address& source, const acl::Ban&) { note(source); });
  state_.strikes.blocks.each(TimePoint::min(), SIZE_MAX, [&](const AccountBlock& block) { note(block.source); });
  for (const acl::Address& source : spared) pardon(source, {}, now);
}

std::string_view Jail::account_of(const sip::RawMessage& message, std::array<char, 256>& buffer) {
  return sip::canonical_user(message.claimed_user(), buffer);
}

bool Jail::exempt(const acl::Address& source) const {
  const EngineOptions& options = state_.options;
  return options.pbx.has(source) || std::ranges::find(options.never_banned, source) != options.never_banned.end() ||
         state_.trusts(source) || (!state_.trunk_networks.empty() && state_.trunk_networks.contains(source));
}

bool Jail::others_live_at(const acl::Address& source, std::string_view account, TimePoint now) const {
  const std::size_t devices = state_.registrations.devices_at(source, now);
  return devices > 1 || (devices == 1 && !state_.registrations.lives_at(account, source, now));
}

Sentence Jail::judge(const Evidence& evidence, TimePoint now) {
  if (exempt(evidence.flow.peer.address)) return Sentence::none;
  strike(evidence, now);
  return sentence(evidence, now);
}

Sentence Jail::sentence(const Evidence& evidence, TimePoint now) {
  const acl::Address& source = evidence.flow.peer.address;
  const bool of_login = evidence.cause == Cause::failed_authentication;
  if (!evidence.proven) {
    const bool devices = state_.registrations.devices_at(source, now) > 0;
    if (!devices && !state_.strikes.accepts_some(source, now)) return silence(evidence, now);
    return of_login ? silence_account(evidence, now) : Sentence::none;
  }
  if (!others_live_at(source, evidence.account, now)) return ban(evidence, now);
  if (evidence.account.empty()) return Sentence::none;
  // Anybody behind that address can claim to be the one who lives there, but for the credentials.
  if (!of_login && state_.strikes.accepted(state_.strikes.pair_of(source, evidence.account), now)) return Sentence::none;
  return block(evidence, now);
}

bool Jail::withheld(const Evidence& evidence, TimePoint now) {
  if (state_.enforcement(now) == Enforcement::on || evidence.cause == Cause::by_hand) return false;
  // As a ban would have stood, and nothing that followed have been counted.
  SourceStrikes& source = state_.strikes.source(evidence.flow.peer.address, now);
  if (source.withheld_until > now) return true;
  source.withheld_until = now + ban_time_of(evidence, 0);
  ++state_.metrics.would_ban[static_cast<std::size_t>(evidence.cause)];
  tell(EventKind::would_ban, evidence, evidence.proven ? "proven" : "unproven", {}, now);
  return true;
}

Sentence Jail::silence(const Evidence& evidence, TimePoint now) {
  if (withheld(evidence, now)) return Sentence::none;
  const seconds duration = std::min<seconds>(evidence.ban_time.value_or(state_.options.jail.ban_time), acl::BanTable::unproven_limit);
  const auto cause = static_cast<std::uint16_t>(evidence.cause);
  const acl::Address& address = evidence.flow.peer.address;
  if (!state_.bans.add(address, Proof::unproven, duration, cause, now, evidence.strikes)) return Sentence::silenced;
  const acl::Source& source = state_.sources.touch(address, now);
  if (source.known(now) || source.proved_itself(now)) state_.hear_out(address, now);
  ++state_.metrics.bans[cause];
  tell(EventKind::ban, evidence, "unproven", duration, now);
  return Sentence::silenced;
}

Sentence Jail::silence_account(const Evidence& evidence, TimePoint now) {
  if (evidence.account.empty() || withheld(evidence, now)) return Sentence::none;
  PairStrikes& pair = state_.strikes.pair(state_.strikes.pair_of(evidence.flow.peer.address, evidence.account), now);
  const bool is_new = pair.silenced_until <= now;
  pair.silenced_until = now + acl::BanTable::unproven_limit;
  if (is_new) {
    ++state_.metrics.bans[static_cast<std::size_t>(evidence.cause)];
    tell(EventKind::block, evidence, "unproven", acl::BanTable::unproven_limit, now);
  }
  return Sentence::silenced;
}

Sentence Jail::block(const Evidence& evidence, TimePoint now) {
  if (evidence.account.size() > longest_account) return Sentence::none;  // nobody has such a one, and the PBX knows it
  if (withheld(evidence, now)) return Sentence::none;
  const acl::Address& source = evidence.flow.peer.address;
  const std::uint64_t key = state_.strikes.pair_of(source, evidence.account);
  const SourceStrikes& strikes = state_.strikes.source(source, now);
  const bool second = strikes.blocked_pair != 0 && strikes.blocked_pair != key && strikes.blocked_until > now;
  if (second) return ban(evidence, now);
  const seconds duration = ban_time_of(evidence, 0);
  const AccountBlock made{
      acl::SourceKey(source).address(), std::string(evidence.account), now + duration, now, evidence.cause, evidence.strikes};
  if (state_.durable != nullptr) state_.durable->keep(made);
  if (!state_.strikes.block(made, now)) return Sentence::blocked;
  ++state_.metrics.bans[static_cast<std::size_t>(evidence.cause)];
  tell(EventKind::block, evidence, "proven", duration, now);
  return Sentence::blocked;
}

Sentence Jail::ban(const Evidence& evidence, TimePoint now) {
  const acl::Address& source = evidence.flow.peer.address;
  // It stands for everybody: one account is all that is ever kept out there.
  if (HiddenCallers(state_).behind(source, now) || withheld(evidence, now)) return Sentence::none;
  const acl::Ban* before = state_.bans.check(source, now);
  const bool was_banned = before != nullptr && before->proof == Proof::proven;
  // Who shares his address with honest phones is not the same one each time.
  const bool escalates = !evidence.ban_time && !state_.strikes.accepts_some(source, now);
  const std::uint32_t offences = escalates && !was_banned ? state_.strikes.offences(source, now) : 0;
  const seconds duration = ban_time_of(evidence, offences);
  const auto cause = static_cast<std::uint16_t>(evidence.cause);
  state_.bans.add(source, Proof::proven, duration, cause, now, evidence.strikes);
  state_.tell_fellows(BanNote{source, now + duration, cause});
  if (was_banned) return Sentence::banned;
  if (const auto& increment = state_.options.jail.increment; increment && escalates) {
    const DurableOffence offence{acl::SourceKey(source).address(), offences + 1, now + duration + increment->max};
    state_.strikes.remember_offence(source, offence.times, offence.until, now);
    if (state_.durable != nullptr) state_.durable->keep(offence);
  }
  ++state_.metrics.bans[cause];
  tell(EventKind::ban, evidence, "proven", duration, now);
  return Sentence::banned;
}

seconds Jail::ban_time_of(const Evidence& evidence, std::uint32_t offences) const {
  if (evidence.ban_time) return *evidence.ban_time;
  const JailOptions& jail = state_.options.jail;
  if (!jail.increment || offences == 0) return jail.ban_time;
  const double times = std::pow(static_cast<double>(jail.increment->factor), std::min<std::uint32_t>(offences, 64));
  const double most = static_cast<double>(std::max(jail.increment->max, jail.ban_time).count());
  return seconds{static_cast<seconds::rep>(std::min(most, static_cast<double>(jail.ban_time.count()) * times))};
}

void Jail::strike(const Evidence& evidence, TimePoint now) {
  ++state_.metrics.jail_strikes[static_cast<std::size_t>(evidence.cause)];
  tell(EventKind::strike, evidence, evidence.proven ? "proven" : "unproven", {}, now);
}

Jail::Standing Jail::check(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source,
                           const CredentialsVerdict& credentials, TimePoint now) {
  Strikes& strikes = state_.strikes;
  const acl::Address& address = flow.peer.address;
  const bool told = source.proven || source.answerable();
  const std::string_view login = credentials.username;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const std::string_view named = account_of(request, buffer);
  for (const std::string_view account : {named, login == named ? std::string_view() : login}) {
    if (account.empty() || (login.empty() && strikes.blocks.size() == 0)) continue;
    // What lives over its own flow goes on, whatever others do in its name. Nobody else does by its flow.
    if (source.live && state_.registrations.registered_over(account, flow, now)) continue;
    const Evidence evidence{.flow = flow, .proven = source.proven, .account = account, .message = &request};
    if (const auto held = held_back(evidence, !login.empty(), told, now)) return *held;
  }
  if (login.empty() || !state_.options.jail.on || strikes.accepted(strikes.pair_of(address, login), now)) return {};
  // A flow passes the ban of its source, and its own account with it.
  if (source.live && !source.trusted && state_.is_banned(address, now)) return {Outcome::account_blocked, told ? 403 : 0};
  if (source.trusted || has_pass(address, login, now) || state_.shared->guessed.may_try(strikes.account_key(login), now)) return {};
  return {Outcome::account_guessed, told ? 503 : 0};
}

bool Jail::has_pass(const acl::Address& address, std::string_view account, TimePoint now) const {
  return state_.may_have_pass(address, now) && state_.passes->hold(account, state_.countries.of(state_.policy->geo(), address), now);
}

std::optional<Jail::Standing> Jail::held_back(Evidence evidence, bool tries, bool told, TimePoint now) {
  Strikes& strikes = state_.strikes;
  const std::uint64_t key = strikes.pair_of(evidence.flow.peer.address, evidence.account);
  if (const AccountBlock* block = strikes.blocks.check(key, now)) {
    evidence.cause = block->cause;
    if (may_show_password(key, tries, now)) return std::nullopt;
    if (evidence.proven && tries) goes_on(evidence, key, now);
    return Standing{Outcome::account_blocked, told ? 403 : 0};
  }
  const PairStrikes* pair = tries && !evidence.proven ? strikes.find_pair(key) : nullptr;
  if (pair == nullptr || pair->silenced_until <= now) return std::nullopt;
  return Standing{Outcome::account_blocked, 0};
}

bool Jail::may_show_password(std::uint64_t pair, bool tries, TimePoint now) {
  if (!state_.strikes.accepted(pair, now)) return false;
  TimePoint& next = state_.strikes.pair(pair, now).next_try;
  if (next > now) return false;
  if (tries) next = now + try_of_accepted;
  return true;
}

void Jail::goes_on(Evidence evidence, std::uint64_t pair, TimePoint now) {
  const JailLimit& limit = state_.options.jail.failed;
  evidence.strikes = state_.strikes.pair(pair, now).while_blocked.add(limit.find_time, now);
  if (evidence.strikes >= blocked_tries * limit.max_retry) ban(evidence, now);
}

bool Jail::passes_ban(const sip::RawMessage& request, const Flow& flow, const CredentialsVerdict& credentials, TimePoint now) {
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const acl::Address& source = flow.peer.address;
  const auto accepted = [&](std::string_view account) { return state_.strikes.accepted(state_.strikes.pair_of(source, account), now); };
  return accepted(account_of(request, buffer)) && (credentials.username.empty() || accepted(credentials.username));
}

bool Jail::is_trap(const sip::RawMessage& request, std::string_view request_user) const {
  if (traps_.empty()) return false;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const bool registers = request.method == sip::Method::register_;
  return is_trap_user(sip::canonical_user(registers ? request.to_user : request_user, buffer));
}

bool Jail::is_trap_user(std::string_view user) const {
  return std::ranges::any_of(traps_, [user](const acl::ShellPattern& trap) { return trap.matches(user); });
}

bool Jail::ban(const acl::Address& source, seconds duration, TimePoint now) {
  if (exempt(source)) return false;
  Flow flow;
  flow.peer.address = source;
  return ban(Evidence{.cause = Cause::by_hand, .flow = flow, .proven = true, .ban_time = duration}, now) == Sentence::banned;
}

bool Jail::unblock(std::uint64_t pair, TimePoint now) {
  Strikes& strikes = state_.strikes;
  const auto block = strikes.blocks.remove(pair);
  if (!block) return false;
  strikes.forget_pair(pair);
  strikes.forget_block(block->source, pair);
  if (state_.durable != nullptr) state_.durable->forget(*block);
  tell_unblocked(block->source, block->account, block->cause, now);
  return true;
}

bool Jail::pardon(const acl::Address& address, std::string_view account, TimePoint now) {
  const acl::Address source = acl::SourceKey(address).address();  // as bans and blocks are kept
  Strikes& strikes = state_.strikes;
  if (!account.empty()) return unblock(strikes.pair_of(source, account), now);
  bool any = false;
  std::vector<std::uint64_t> keys;
  strikes.blocks.each(TimePoint::min(), SIZE_MAX, [&](const AccountBlock& block) {
    if (block.source == source) keys.push_back(strikes.pair_of(source, block.account));
  });
  for (const std::uint64_t key : keys) any = unblock(key, now) || any;
  if (const auto ban = state_.bans.remove(source, now)) {
    any = true;
    if (state_.durable != nullptr) state_.durable->forget(DurableBan{source, ban->until});
    tell_unblocked(source, {}, static_cast<Cause>(ban->cause), now);
  }
  any = state_.fellow_bans.remove(source, now).has_value() || any;
  strikes.forget_source(source);
  return any;
}

std::size_t Jail::pardon_all(TimePoint now) {
  std::set<acl::SourceKey> sources;
  const auto note = [&](const acl::Address& source, const acl::Ban&) { sources.insert(acl::SourceKey(source)); };
  std::vector<std::uint64_t> keys;
  state_.strikes.blocks.each(TimePoint::min(), SIZE_MAX, [&](const AccountBlock& block) {
    sources.insert(acl::SourceKey(block.source));
    keys.push_back(state_.strikes.pair_of(block.source, block.account));
  });
  for (const std::uint64_t key : keys) unblock(key, now);
  state_.bans.each(0, SIZE_MAX, now, note);
  state_.fellow_bans.each(0, SIZE_MAX, now, note);
  for (const acl::SourceKey source : sources) pardon(source.address(), {}, now);
  return sources.size();
}

bool Jail::list(JailedCursor& cursor, std::size_t limit, TimePoint now, const VisitJailed& visit) const {
  if (!cursor.bans_told) {
    cursor.place = state_.bans.each(cursor.place, limit, now, [&](const acl::Address& source, const acl::Ban& ban) {
      visit({source, {}, static_cast<Cause>(ban.cause), ban.strikes, ban.proof == Proof::proven, ban.since, ban.until});
    });
    cursor.bans_told = cursor.place == 0;
    return true;
  }
  const auto last = state_.strikes.blocks.each(std::max(cursor.blocks_until, now), limit, [&](const AccountBlock& block) {
    visit({block.source, block.account, block.cause, block.strikes, true, block.since, block.until});
  });
  cursor.blocks_until = last.value_or(cursor.blocks_until);
  return last.has_value();
}

void Jail::expire(TimePoint now) {
  state_.strikes.blocks.expire(now, blocks_a_turn,
                               [&](const AccountBlock& block) { tell_unblocked(block.source, block.account, block.cause, now); });
}

void Jail::tell(EventKind kind, const Evidence& evidence, const char* proof, seconds duration, TimePoint now) {
  // Each has an allowance of its own, so that what is forged never keeps a ban out of the log.
  const Outcome allowance = evidence.proven ? Outcome::banned : Outcome::silenced;
  if (!state_.journal.admits(kind, allowance, now)) return;
  Event event;
  event.kind = kind;
  event.cause = evidence.cause;
  event.source = evidence.flow.peer;
  const std::string country = state_.country_of(evidence.flow.peer.address);
  event.country = country;
  event.rule = evidence.rule;
  event.device = evidence.account;
  event.duration = duration;
  event.detail = proof;
  event.packet = evidence.packet.empty() ? state_.packet : evidence.packet;
  const std::string cure = kind == EventKind::strike || kind == EventKind::would_ban || !evidence.proven
                               ? std::string()
                               : cure_of(evidence, kind == EventKind::block);
  event.message = evidence.detail.empty() ? std::string_view(cure) : evidence.detail;
  event.count = kind == EventKind::strike ? 0 : evidence.strikes;
  if (evidence.message != nullptr) {
    event.method = evidence.message->method_text;
    event.user_agent = evidence.user_agent.empty() ? evidence.message->user_agent : evidence.user_agent;
    event.call_id = evidence.message->call_id;
  }
  state_.journal.write(event);
}

void Jail::tell_unblocked(const acl::Address& source, std::string_view account, Cause cause, TimePoint now) {
  if (!state_.journal.admits(EventKind::unban, Outcome::banned, now)) return;
  Event event;
  event.kind = EventKind::unban;
  event.cause = cause;
  event.source.address = source;
  event.device = account;
  state_.journal.write(event);
}

}  // namespace postern::sbc
