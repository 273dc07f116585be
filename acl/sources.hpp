// What is remembered of each source address, in a bounded table.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "acl/address.hpp"
#include "acl/rate.hpp"

namespace postern::acl {

/// What may be sent to a source that has not proved itself: three times what came from it (RFC 3261 §26.1.5 wants no amplifiers). Each byte
/// that came pays for three, for at least as long as a call may ring (timer C): who is not there when his request is forgotten gets no
/// answer, and a caller who waits gets his.
class AnswerCredit {
 public:
  static constexpr std::uint32_t factor = 3;
  static constexpr std::chrono::minutes window{6};  ///< in two halves: what came counts for three to six minutes

  void received(std::size_t bytes, TimePoint now);
  /// True, and the credit is less by that, if so many bytes may be sent now.
  bool spend(std::size_t bytes, TimePoint now);

 private:
  static constexpr std::uint32_t unit = 64;  // of `previous_`: a source takes no more room than it must
  void turn(TimePoint now);
  std::uint32_t current_ = 0;   ///< bytes
  std::uint16_t previous_ = 0;  ///< units, of the half window before
  std::uint16_t half_ = 0;      ///< the half window that `current_` was earned in
};

/// One source's memory. `known` sources (an accepted registration) are never evicted for an unknown one.
struct Source {
  TokenBucket unproven;  ///< what merely bears the address is charged here (sip-behaviour: two buckets)
  TokenBucket proven;
  AnswerCredit answers;
  [[nodiscard]] bool known(TimePoint now) const;
  [[nodiscard]] TimePoint known_until() const { return TimePoint(std::chrono::seconds(known_until_s_)); }
  /// Of several devices behind one address the longest registration counts.
  void prolong_known(TimePoint until);

  /// Something from there proved itself not long ago (a call that is not over, most likely): what comes is worth a look even where it would
  /// meet silence, since it may be what proves itself again.
  static constexpr std::chrono::hours remembered_proof{4};  ///< as long as a call may be silent
  [[nodiscard]] bool proved_itself(TimePoint now) const;
  void prove(TimePoint now);

 private:
  // Seconds of steady_clock, since its epoch: a source takes no more room than it must.
  std::uint32_t known_until_s_ = 0;
  std::uint32_t proved_until_s_ = 0;
};

/// Set-associative hash table: memory grows with use up to the bound and never beyond; a full set evicts
/// the entry that was idle longest, unknown before known. Keys are mixed with a random seed, so that
/// nobody can choose addresses that collide.
class SourceTable {
 public:
  /// `capacity`: most sources remembered (rounded up to a power of two); `seed` makes placement unpredictable.
  SourceTable(std::size_t capacity, std::uint64_t seed);
  ~SourceTable();
  SourceTable(SourceTable&&) noexcept;
  SourceTable& operator=(SourceTable&&) noexcept;

  /// The source's entry, made if need be; the reference holds until the next call of touch().
  Source& touch(const Address& address, TimePoint now);
  /// Its packet is among the next, and nearer: nothing that can be seen.
  void expect(const Address& address);
  void expect_soon(const Address& address);
  /// Calls `visit` for the sources that are known in `limit` places from `place` on; returns the next place, 0 after the last.
  std::size_t each_known(std::size_t place, std::size_t limit, TimePoint now,
                         const std::function<void(const Address&, const Source&)>& visit) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t evictions() const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Buckets by source, method number and whether it is a registered device that asks (what bears its address does not spend what is its
/// own), for per_source_methods: the same bounds and eviction by idleness.
class MethodBuckets {
 public:
  MethodBuckets(std::size_t capacity, std::uint64_t seed);
  ~MethodBuckets();
  MethodBuckets(MethodBuckets&&) noexcept;
  MethodBuckets& operator=(MethodBuckets&&) noexcept;
  /// It is asked for soon: nothing that can be seen.
  void expect(const Address& address, std::uint8_t method, bool registered);
  /// The bucket, made full if need be; the reference holds until the next call.
  TokenBucket& touch(const Address& address, std::uint8_t method, bool registered, TimePoint now);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::acl
