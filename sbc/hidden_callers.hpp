// One private address that many callers share, so that Postern cannot tell them apart.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "acl/address.hpp"
#include "acl/rate.hpp"

namespace postern::sbc {

struct State;

/// A NAT in front (Docker's, a router's) that gives all packets its own address makes one caller of all: a ban for what one of them does
/// would be one for everybody, so that address is never banned, and the operator is told.
class HiddenCallers {
 public:
  static constexpr std::size_t many = 20;  ///< registrations of one address; more mean a NAT

  explicit HiddenCallers(State& state) : state_(state) {}

  /// A packet came from there.
  void seen(const acl::Address& source);
  /// Is it a private address with more than `many` registrations, and has no public source ever been seen?
  [[nodiscard]] bool behind(const acl::Address& address, acl::TimePoint now) const;
  /// A device was accepted from there: tells of it, once a day.
  void accepted(const acl::Address& address, acl::TimePoint now);

 private:
  static constexpr std::chrono::hours between_words{24};

  State& state_;
  std::optional<acl::TimePoint> told_;
};

}  // namespace postern::sbc
