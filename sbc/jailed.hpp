// Who is kept out, as the operator is told of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "acl/address.hpp"
#include "acl/rate.hpp"
#include "sbc/cause.hpp"

namespace postern::sbc {

/// A ban or a silence of a source, or the block of an account at one; the view holds during the call.
struct Jailed {
  acl::Address source;       ///< an IPv4 address, or the first one of an IPv6 /64
  std::string_view account;  ///< empty: the source itself
  Cause cause = Cause::rule_ban;
  std::uint32_t strikes = 1;
  bool proven = false;
  acl::TimePoint since, until;  ///< TimePoint::max(): for ever
};

/// Where the telling goes on; a new one begins at the beginning.
struct JailedCursor {
  std::size_t place = 0;  ///< of the table of bans
  bool bans_told = false;
  acl::TimePoint blocks_until = acl::TimePoint::min();  ///< of the last block
};

using VisitJailed = std::function<void(const Jailed&)>;

}  // namespace postern::sbc
