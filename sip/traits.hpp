// What the form of a request tells of the program that wrote it: facts alone, for others to weigh. Linear, allocation-free.
#pragma once

#include <cstdint>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Facts that scanners' own sources, intrusion detection rules and published captures name.
enum class Trait : std::uint8_t {
  tool_name,        ///< From, To or Contact names a scanner
  tool_tag,         ///< the From tag is the hex of a text, 01 and a number, or one that a tool always writes
  tool_order,       ///< the header fields stand in the order of a scanner
  tool_branch,      ///< the branch is of a form that only a scanner writes
  tool_address,     ///< an address of record that a scanner writes by default
  tool_session,     ///< the session name in SDP is a scanner's
  sql,              ///< a quote and what SQL injections put beside it
  decimal_tag,      ///< the From tag is eight to ten digits
  decimal_branch,   ///< behind the cookie: a dash and six to ten digits
  short_branch,     ///< behind the cookie: a dot and eight hexadecimal digits, as sipsak and Metasploit write it
  decimal_call_id,  ///< the Call-ID is a number without a host
  bare_contact,     ///< the Contact stands without angle brackets
  sample_host,      ///< a host of From, To or Contact is of the examples of RFCs and manuals
  loopback_via,     ///< it says that it was sent by a loopback address
  usual_guess,      ///< the From user or display name is one that probes use
  test_program,     ///< User-Agent or From name a test program
  to_itself,        ///< no REGISTER, and From and To are the same
  address_as_host,  ///< the host of the Request-URI is an IP address
  no_max_forwards,
  no_user_agent,
  no_contact,  ///< an INVITE, SUBSCRIBE or REFER without Contact (RFC 3261 §8.1.1.8)
  no_from_tag,
  no_cookie,  ///< the branch does not begin with z9hG4bK
  no_offer,   ///< an INVITE without a body
};

class Traits {
 public:
  void set(Trait trait) { bits_ |= bit(trait); }
  void clear(Trait trait) { bits_ &= ~bit(trait); }
  [[nodiscard]] bool has(Trait trait) const { return (bits_ & bit(trait)) != 0; }
  bool operator==(const Traits&) const = default;

 private:
  static std::uint32_t bit(Trait trait) { return std::uint32_t{1} << static_cast<unsigned>(trait); }
  std::uint32_t bits_ = 0;
};

/// Of a request that passed the prescreen.
Traits traits_of(const RawMessage& request);

}  // namespace postern::sip
