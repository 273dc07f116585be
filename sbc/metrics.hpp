// What is counted. Each metric is declared once, by its row: the struct's field, and the name and help that sbc/net/metrics_page gives it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sbc/cause.hpp"
#include "sbc/credentials.hpp"
#include "sbc/flow.hpp"
#include "sbc/outbox.hpp"
#include "sbc/outcome.hpp"
#include "sip/method.hpp"

namespace postern::sbc {

inline constexpr std::size_t side_count = 2;
inline constexpr std::size_t transport_count = 5;

// The types of the counters; each is exposed with labels of its own.
using ByMethod = std::array<std::uint64_t, sip::method_count>;
/// {side,transport,method}
using MessageCounts = std::array<std::array<ByMethod, transport_count>, side_count>;
/// {outcome}
struct OutcomeCounts : std::array<std::uint64_t, outcome_count> {};
/// {reason}
struct WouldCounts : std::array<std::uint64_t, outcome_count> {};
/// {cause}
struct CauseCounts : std::array<std::uint64_t, cause_count> {};
/// Without labels.
struct Count {
  std::uint64_t count = 0;
};
/// {standing}: what credentials of requests were worth
struct CredentialsCounts : std::array<std::uint64_t, credentials_words.size()> {};
/// {where}: of the core side in what leaves, where it cannot be changed
enum class NotHidden : std::uint8_t { realm, body, sdp };
inline constexpr std::array<std::string_view, 3> not_hidden_words{"realm", "body", "sdp"};
struct NotHiddenCounts : std::array<std::uint64_t, not_hidden_words.size()> {};
/// {status}
struct StatusCounts : std::array<std::uint64_t, 700> {};

/// {rule}: as the log names it; one for each rule of the policy
struct RuleCount {
  std::string rule;
  std::uint64_t matches = 0;
};
using RuleCounts = std::vector<RuleCount>;
/// {address}: one for each address of the PBX
struct PbxUp {
  std::string address;
  bool up = true;      ///< until it leaves something unanswered
  bool heard = false;  ///< it has sent anything since it is in the configuration
};
using PbxUps = std::vector<PbxUp>;

/// Counts by fixed upper bounds in seconds; the last bucket is +Inf.
struct Histogram {
  static constexpr std::array<double, 12> bounds{0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1, 4};
  std::array<std::uint64_t, bounds.size() + 1> buckets{};
  double sum = 0;
  void observe(double seconds, std::uint64_t times = 1);
};

// clang-format off
// field            type           name                                help
#define POSTERN_METRICS(X)                                                                                                           \
  X(received,       MessageCounts, "postern_messages_received_total",  "SIP messages received.")                                     \
  X(forwarded,      MessageCounts, "postern_messages_forwarded_total", "SIP messages forwarded, by the side that they left on.")     \
  X(outcomes,       OutcomeCounts, "postern_packets_total",            "Packets received, by how their handling ended.")             \
  X(would_refuse,   WouldCounts,   "postern_would_refuse_total",       "Refusals that were only counted (log_only, enforce: off, postern bypass), by reason.") \
  X(would_ban,      CauseCounts,   "postern_would_ban_total",          "Bans and silences that were only counted, by cause.")              \
  X(bans,           CauseCounts,   "postern_bans_total",               "Bans and silences imposed, by cause.")                       \
  X(jail_strikes,   CauseCounts,   "postern_jail_strikes_total",       "What spoke against a source, by cause.")                     \
  X(rules,          RuleCounts,    "postern_rule_matches_total",       "Requests that a rule decided, or would have (log_only).")    \
  X(responses_sent, StatusCounts,  "postern_responses_sent_total",     "SIP responses sent to the access side, by status code.")     \
  X(credentials,    CredentialsCounts, "postern_credentials_total",    "Requests with credentials, by what these were worth.")       \
  X(emergency_calls, Count,        "postern_emergency_calls_total",    "Emergency calls that passed every rule, gate, ban and limit.") \
  X(not_hidden,     NotHiddenCounts, "postern_not_hidden_total",       "Messages to the access side that name the PBX where that cannot be changed: the realm of a challenge, a body of an unknown type, SDP without media_address.") \
  X(held_back,      Count,         "postern_held_back_total",          "Datagrams not sent, so that no unproven source gets over three times its bytes.") \
  X(call_prefixes,  Count,         "postern_call_prefixes_total",      "Times that a device dialled one number under many prefixes and reached it by none.") \
  X(pbx_up,         PbxUps,        "postern_pbx_up",                   "Whether an address of the PBX answers: 1 or 0.")            \
  X(pbx_response,   Histogram,     "postern_pbx_response_seconds",     "Time from a request forwarded to the PBX to its first final answer.")

// field                  name                            help
#define POSTERN_GAUGES(X)                                                                                                                \
  X(bans_active,           "postern_bans_active",          "Sources that are banned or silenced now.")                                   \
  X(blocks_active,         "postern_blocks_active",        "Accounts that are blocked at a source now.")                                 \
  X(registrations,         "postern_registrations",        "Registrations alive now.")                                                   \
  X(fellow_registrations,  "postern_fellow_registrations", "Registrations of other workers that workers know of, each counted at each.") \
  X(calls,                 "postern_calls",                "Calls under way.")                                                           \
  X(token_contents,        "postern_token_contents",       "What did not fit a token and is kept for it, about 0.4 KB each.")            \
  X(sources_tracked,       "postern_sources_tracked",      "Source addresses remembered.")                                               \
  X(transactions,          "postern_transactions",         "SIP transactions under way.")

/// The tables that push an entry out when they are full: postern_evictions_total{table}.
#define POSTERN_BOUNDED_TABLES(X) X(sources) X(methods) X(scanners) X(bans) X(fellow_bans) X(transactions) X(registrations) \
  X(fellow_registrations) X(tokens) X(credentials) X(calls) X(devices) X(strikes) X(prefix_walks) X(emergency_callers) X(password_looks)
// clang-format on

/// A worker's counters: plain numbers that only its thread writes.
struct Metrics {
#define X(field, type, name, help) type field{};
  POSTERN_METRICS(X)
#undef X
  void count_received(const Flow& flow, sip::Method method) {
    ++received[static_cast<std::size_t>(flow.side)][static_cast<std::size_t>(flow.transport)][static_cast<std::size_t>(method)];
  }
  /// The responses to the access side among what is sent: ours, the PBX's and those that are sent again.
  void count_responses(std::span<const Outgoing> sent);
};

/// What stands now, and what tables have evicted; asked for when it is scraped.
struct Gauges {
#define X(field, name, help) std::size_t field = 0;
  POSTERN_GAUGES(X)
#undef X
#define X(table) std::uint64_t evicted_##table = 0;
  POSTERN_BOUNDED_TABLES(X)
#undef X
};

// Of several workers, to be shown as one.
void add(Metrics& sum, const Metrics& other);
void add(Gauges& sum, const Gauges& other);
void add(Histogram& sum, const Histogram& other);

}  // namespace postern::sbc
