// What speaks for a scanner, and how much: each sign has its points, and their sum is held against `jail.score.ban`.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "acl/address.hpp"
#include "acl/rate.hpp"

namespace postern::acl {

// The form of one request: what sip/traits.hpp reads, under the same words. Points are given so that one sign that only tools show and any
// other make a hundred, and that all which honest programs were seen to show together stay below fifty.
// clang-format off
// word               points  what it means
#define POSTERN_SCANNER_FORMS(X)                                                                              \
  X(tool_name,          100, "From, To, Contact or the Request-URI names a scanner")                          \
  X(tool_tag,            60, "the From tag is one that a scanner makes: SIPVicious, Metasploit, nmap")        \
  X(tool_order,          40, "the header fields stand in the order of SIPVicious")                            \
  X(tool_branch,         60, "the branch is one that sippts makes")                                           \
  X(tool_address,        50, "an address that a scanner writes by default, such as sip:100@1.1.1.1")          \
  X(tool_session,       100, "the session name in SDP is a scanner's")                                        \
  X(sql,                100, "an SQL injection in an address, the User-Agent, the Call-ID or the Request-URI")  \
  X(decimal_tag,          5, "the From tag is a number alone")                                                \
  X(decimal_branch,      15, "the branch is a number alone")                                                  \
  X(short_branch,        20, "the branch is one that sipsak and Metasploit make")                             \
  X(decimal_call_id,     15, "the Call-ID is a number alone")                                                 \
  X(bare_contact,         5, "Contact stands without angle brackets")                                         \
  X(sample_host,         10, "a host of the examples in RFCs and manuals")                                    \
  X(loopback_via,        10, "it says that it was sent by a loopback address, and was not")                   \
  X(usual_guess,         20, "the caller has a name that probes use, such as admin or voipgw")                \
  X(test_program,        15, "a test program such as sipsak or SIPp")                                         \
  X(to_itself,           10, "no REGISTER, and From and To are the same")                                     \
  X(address_as_host,     10, "our bare address is the host of the Request-URI, where a domain is configured") \
  X(no_max_forwards,     15, "Max-Forwards is missing")                                                       \
  X(no_user_agent,        5, "User-Agent is missing")                                                         \
  X(no_contact,          20, "Contact is missing where one is needed")                                        \
  X(no_from_tag,         15, "the From tag is missing")                                                       \
  X(no_cookie,           10, "the branch is older than RFC 3261")                                             \
  X(no_offer,             5, "an INVITE without an offer")

// What a source does, as far as it is remembered: the most points that it can come to.
#define POSTERN_SCANNER_BEHAVIOUR(X)                                                                          \
  X(many_users,          45, "it has tried many users, and succeeded with none")                              \
  X(many_numbers,        60, "it has called many numbers, and was answered by none")                          \
  X(never_acked,         40, "it has sent INVITEs and acknowledged no answer")                                \
  X(many_methods,        15, "it has tried many methods")
// clang-format on

enum class ScannerSign : std::uint8_t {
#define X(word, points, help) word,
  POSTERN_SCANNER_FORMS(X) POSTERN_SCANNER_BEHAVIOUR(X)
#undef X
};

struct ScannerSignInfo {
  std::string_view word;
  std::uint8_t points;
  std::string_view help;
};

inline constexpr std::array scanner_signs = {
#define X(word, points, help) ScannerSignInfo{#word, points, help},
    POSTERN_SCANNER_FORMS(X) POSTERN_SCANNER_BEHAVIOUR(X)
#undef X
};

inline constexpr const ScannerSignInfo& info(ScannerSign sign) { return scanner_signs[static_cast<std::size_t>(sign)]; }

/// The signs of one request, each with its points.
class ScannerScore {
 public:
  void add(ScannerSign sign) { add(sign, info(sign).points); }
  /// At most the sign's points.
  void add(ScannerSign sign, std::uint32_t points) {
    points_[static_cast<std::size_t>(sign)] = static_cast<std::uint8_t>(std::min<std::uint32_t>(points, info(sign).points));
  }
  [[nodiscard]] std::uint32_t points(ScannerSign sign) const { return points_[static_cast<std::size_t>(sign)]; }
  [[nodiscard]] std::uint32_t sum() const;

 private:
  std::array<std::uint8_t, scanner_signs.size()> points_{};
};

/// What sources that have not succeeded with anything did in the last ten minutes: bounded, and what was not proven to come from a source
/// is kept apart, since anybody can do it in another's name. Sets of users, numbers and calls are small filters: a few too few are counted.
class ScannerMemory {
 public:
  static constexpr std::chrono::minutes find_time{10};  ///< in two halves: what was done counts for five to ten minutes

  /// What one request does.
  struct Deed {
    std::uint8_t method = 0;   ///< a small number for each
    std::string_view user;     ///< that it is sent as, or registers
    std::string_view number;   ///< that an INVITE calls, else empty
    std::string_view call_id;  ///< of an INVITE, else empty: repetitions are one
  };

  ScannerMemory(std::size_t capacity, std::uint64_t seed);
  ~ScannerMemory();
  ScannerMemory(ScannerMemory&&) noexcept;
  ScannerMemory& operator=(ScannerMemory&&) noexcept;

  /// Remembers it, and adds what the source has done until now.
  void judge(const Address& source, bool proven, const Deed& deed, ScannerScore& score, TimePoint now);
  /// It acknowledges an answer. Nothing is remembered of a source that was never judged.
  void acknowledged(const Address& source, TimePoint now);
  /// A call of this source was answered: what it does counts no longer.
  void succeeded(const Address& source, TimePoint now);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::acl
