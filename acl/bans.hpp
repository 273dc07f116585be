// Who is kept out, and until when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "acl/address.hpp"
#include "acl/rate.hpp"

namespace postern::acl {

/// Proven: the packet could only come from its source (a handshake, an opaque, a token); the ban holds for its
/// time. Unproven evidence can be forged: it silences the source for at most a minute, and only new evidence renews it
/// (a silence that any packet renewed could be kept up by the victim's own retries after one forged packet).
enum class Proof : std::uint8_t { unproven, proven };

struct Ban {
  TimePoint until;
  TimePoint since;            ///< of it and those that it prolonged
  std::uint32_t strikes = 1;  ///< how many pieces of evidence led to it
  std::uint16_t cause = 0;    ///< the caller's own word for why (an index into its table of reasons)
  Proof proof = Proof::unproven;
  // One octet for both: an entry of the table takes half a cache line, and none lies on two.
  bool heard_out : 1 = false;        ///< somebody there may prove himself: what comes is looked at all the same
  mutable bool settled : 1 = false;  ///< what its caller has found: nobody at all there may pass. Until hear_out(), or new evidence
};
static_assert(sizeof(Ban) == 24);

/// Bans by IPv4 address or IPv6 /64, bounded (BoundedTable); where there is no room the unproven goes first, then what ends soonest.
class BanTable {
 public:
  static constexpr std::chrono::seconds unproven_limit{60};

  BanTable(std::size_t capacity, std::uint64_t seed);
  ~BanTable();
  BanTable(BanTable&&) noexcept;
  BanTable& operator=(BanTable&&) noexcept;

  /// The ban in force, or nullptr.
  [[nodiscard]] const Ban* check(const Address& address, TimePoint now);
  /// Its packet is among the next, nearer, and, where expect_soon() was false, nearer still: nothing that can be seen. True: it may be
  /// banned.
  void expect(const Address& address);
  bool expect_soon(const Address& address);
  bool expect_next(const Address& address);
  /// Adds or prolongs; an unproven ban never shortens, extends past unproven_limit or replaces a proven one.
  /// True if the address is banned now and was not before: a full table takes no unproven ban in the place of a proven one.
  bool add(const Address& address, Proof proof, Duration duration, std::uint16_t cause, TimePoint now, std::uint32_t strikes = 1);
  /// The ban in force there, if any, is of one who is heard out from now on, however it is prolonged; nothing is settled.
  void hear_out(const Address& address, TimePoint now);
  /// As it was kept: `ban.until` and `ban.since` hold.
  void restore(const Address& address, const Ban& ban, TimePoint now);
  /// What was in force; nullopt: nothing was.
  std::optional<Ban> remove(const Address& address, TimePoint now);
  /// From now on told of each proven ban that is added or changed.
  void tell_proven(std::function<void(const Address&, const Ban&)> changed);
  /// Tells again of the proven bans in force in `limit` places from `place` on; returns the next place, 0 after the last.
  std::size_t retell_proven(std::size_t place, std::size_t limit, TimePoint now) const;
  /// Calls `visit` for the bans in force in `limit` places from `place` on; returns the next place, 0 after the last.
  std::size_t each(std::size_t place, std::size_t limit, TimePoint now, const std::function<void(const Address&, const Ban&)>& visit) const;
  /// Removes and tells what has ended; at most `limit` places are looked at a call, so that it can run often. An IPv6 ban is told by the
  /// first address of its /64.
  void expire(TimePoint now, std::size_t limit, const std::function<void(const Address&, const Ban&)>& ended);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::acl
