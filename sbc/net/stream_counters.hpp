// What is counted of stream connections.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sbc/metrics.hpp"

namespace postern::net {

// clang-format off
// word                 what it means (also in docs/operations.md)
#define POSTERN_CONNECTION_ENDS(X)                                                                            \
  X(peer_closed,       "the peer closed it")                                                                  \
  X(not_admitted,      "banned, or denied by a rule whatever it says: closed at accept")                      \
  X(other_worker,      "came to a worker that it is not for, while listeners were opened: closed at accept")  \
  X(source_limit,      "over `limits.connections_per_source`: closed at accept")                              \
  X(connections_full,  "more than this process can have: one that nobody needed, or the new one")                                   \
  X(handshake_failed,  "no TLS, no WebSocket, or no certificate that is accepted, ours or the client's")      \
  X(origin_refused,    "a page whose web origin is not among `origins`, or a client that names none")         \
  X(handshake_timeout, "the handshake was not done within 5 s")                                               \
  X(half_message,      "a message that had begun did not end within 10 s")                                    \
  X(idle,              "30 s without a message that passes, and without a registration or a call")            \
  X(not_sip,           "what came could not be taken apart into SIP messages")                                \
  X(refused,           "what came over it was refused with silence: a ban, a rule, a limit")                  \
  X(slow_reader,       "the peer does not take what is sent to it: 256 KiB were waiting")                     \
  X(memory,            "all connections together hold too much that is unread or unsent")                     \
  X(listener_gone,     "a reload took its listener away")                                                     \
  X(error,             "the connection broke")
// clang-format on

enum class ConnectionEnd : std::uint8_t {
#define X(word, help) word,
  POSTERN_CONNECTION_ENDS(X)
#undef X
};

/// It came to nothing, and nobody else tells of it.
inline constexpr bool is_told(ConnectionEnd why) {
  return why == ConnectionEnd::source_limit || why == ConnectionEnd::connections_full || why == ConnectionEnd::handshake_failed ||
         why == ConnectionEnd::origin_refused || why == ConnectionEnd::handshake_timeout;
}

inline constexpr std::array connection_end_meanings = {
#define X(word, help) std::string_view(help),
    POSTERN_CONNECTION_ENDS(X)
#undef X
};

inline constexpr std::array connection_end_words = {
#define X(word, help) std::string_view(#word),
    POSTERN_CONNECTION_ENDS(X)
#undef X
};

struct CertificateEnd {
  std::string listener;
  std::chrono::system_clock::time_point not_after;
  bool operator==(const CertificateEnd&) const = default;
};

struct StreamCounters {
  std::array<std::size_t, sbc::transport_count> open{};        ///< now
  std::array<std::uint64_t, sbc::transport_count> accepted{};  ///< those that were closed at once included
  std::array<std::uint64_t, connection_end_words.size()> ended{};
  std::uint64_t accept_errors = 0;
  std::uint64_t undeliverable = 0;  ///< messages whose connection is gone

  StreamCounters& operator+=(const StreamCounters& other) {
    const auto& [their_open, their_accepted, their_ended, their_accept_errors, their_undeliverable] = other;  // all that there are
    for (std::size_t i = 0; i < open.size(); ++i) {
      open[i] += their_open[i];
      accepted[i] += their_accepted[i];
    }
    for (std::size_t i = 0; i < ended.size(); ++i) ended[i] += their_ended[i];
    accept_errors += their_accept_errors;
    undeliverable += their_undeliverable;
    return *this;
  }
};

}  // namespace postern::net
