// How the handling of one packet can end. Each packet ends in exactly one of these; the word is its metric label and its log word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::sbc {

/// What an outcome is to the operator.
enum class OutcomeKind : std::uint8_t {
  passed,   ///< it went on, or was answered in the course of things
  ignored,  ///< nothing to do and nothing wrong: keep-alives, repetitions
  refused,  ///< postern_messages_refused_total{reason}
};

// clang-format off
// word                    kind      what it means (also the help text of docs/operations.md)
#define POSTERN_OUTCOMES(X)                                                                                        \
  X(forwarded,             passed,   "sent on to the other side")                                                  \
  X(answered,              passed,   "answered by Postern: 200 to CANCEL, a repetition answered from memory, STUN of a registered phone") \
  X(keep_alive,            ignored,  "CRLF, NULs or an empty datagram, or an answer to our own keep-alive OPTIONS") \
  X(stun,                  ignored,  "a STUN message that is not answered")                                        \
  X(repeated,              ignored,  "a repetition of what is already under way, or an ACK that ends a transaction") \
  X(health_check,          ignored,  "an answer to Postern's own OPTIONS to the PBX")                              \
  X(handed_over,           ignored,  "a request of the PBX for a device of another worker, which counts it again")     \
  X(banned,                refused,  "the source is banned")                                                       \
  X(silenced,              refused,  "the source is silenced for up to a minute on unproven evidence")             \
  X(source_limit,          refused,  "over limits.per_source")                                                     \
  X(unknown_sources_limit, refused,  "over limits.unknown_sources")                                                \
  X(method_limit,          refused,  "over limits.per_source_methods")                                             \
  X(device_limit,          refused,  "over limits.per_device")                                                     \
  X(calls_per_hour,        refused,  "over limits.per_device.calls_per_hour")                                      \
  X(device_calls,          refused,  "over limits.concurrent_calls.per_device")                                    \
  X(concurrent_calls,      refused,  "over limits.concurrent_calls.total")                                         \
  X(pbx_limit,             refused,  "over limits.pbx")                                                            \
  X(pbx_down,              refused,  "every address of the PBX is known to be dead")                               \
  X(garbage,               refused,  "not SIP")                                                                    \
  X(malformed,             refused,  "SIP that breaks a rule of the protocol or a bound")                          \
  X(rule_drop,             refused,  "a rule with action drop")                                                    \
  X(rule_reject,           refused,  "a rule with action reject")                                                  \
  X(rule_ban,              refused,  "a rule with action ban")                                                     \
  X(scanner_score,         refused,  "what speaks for a scanner comes to jail.score.ban")                             \
  X(default_action,        refused,  "no rule matched and default_action refuses")                                 \
  X(device_denied,         refused,  "a device outside the networks or listeners of its entry in devices")                   \
  X(account_blocked,       refused,  "an account that is blocked at this source for what was done in its name there")  \
  X(account_guessed,       refused,  "credentials of an account that is guessed from many addresses, from where it was never accepted") \
  X(trap,                  refused,  "a listener or a user that is a trap")                                           \
  X(lockdown,              refused,  "neither registered nor trusted, during `postern lockdown`")                         \
  X(device_blocked,        refused,  "a device that the operator has blocked: `postern block`")                           \
  X(registered_only,       refused,  "a method of registered_only, over a flow without a live registration")           \
  X(call_denied,           refused,  "a destination whose class calls.allow does not give the device")             \
  X(weak_password,         refused,  "credentials of an account whose password can be guessed, with `weak_passwords: refuse`") \
  X(not_pbx,               refused,  "a packet to the core port from an address that is not the PBX's")            \
  X(no_token,              refused,  "a request of the PBX that names no device of ours")                          \
  X(bad_token,             refused,  "a token that was made up, changed or given to the other side")               \
  X(connection_gone,       refused,  "a message for a device whose connection has ended")                           \
  X(listener_gone,         refused,  "a request for a device, or of one, over a listener that is there no more")      \
  X(no_transaction,        refused,  "a response that belongs to no request of ours")                              \
  X(loop,                  refused,  "a request that has been here before")                                        \
  X(transactions_full,     refused,  "the transaction table is full of unanswered requests")                       \
  X(too_large,             refused,  "larger than a datagram after rewriting")                                     \
  X(not_served,            refused,  "an in-dialog request of a dialog that is not known")
// clang-format on

enum class Outcome : std::uint8_t {
#define X(word, kind, help) word,
  POSTERN_OUTCOMES(X)
#undef X
};

struct OutcomeInfo {
  std::string_view word;
  OutcomeKind kind;
  std::string_view help;
};

inline constexpr std::array outcome_table = {
#define X(word, kind, help) OutcomeInfo{#word, OutcomeKind::kind, help},
    POSTERN_OUTCOMES(X)
#undef X
};
inline constexpr std::size_t outcome_count = outcome_table.size();

inline constexpr const OutcomeInfo& info(Outcome outcome) { return outcome_table[static_cast<std::size_t>(outcome)]; }

}  // namespace postern::sbc
