// Which refusals hold, and which are only counted: `enforce: off` and `postern bypass`.
#pragma once

#include <cstdint>

#include "sbc/outcome.hpp"

namespace postern::sbc {

enum class Enforcement : std::uint8_t {
  on,
  shadow,  ///< `enforce: off`: rules, jail and limits only count
  bypass,  ///< `postern bypass`: so does all that judges who asks, but traps
};

/// Is a refusal of this kind only counted then? limits.pbx always holds: it is no judgement, but what the PBX can take. So does what
/// cannot be forwarded.
constexpr bool only_counts(Enforcement enforcement, Outcome outcome) {
  if (enforcement == Enforcement::on) return false;
  const bool bypass = enforcement == Enforcement::bypass;
  using enum Outcome;
  switch (outcome) {
    case banned:
    case silenced:
    case source_limit:
    case unknown_sources_limit:
    case method_limit:
    case device_limit:
    case calls_per_hour:
    case device_calls:
    case concurrent_calls:
    case rule_drop:
    case rule_reject:
    case rule_ban:
    case scanner_score:
    case default_action:
    case account_blocked:
    case account_guessed:
    case registered_only:
      return true;
    case device_denied:
    case call_denied:
    case weak_password:
      return bypass;
    case trap:
      return !bypass;
    default:
      return false;
  }
}

}  // namespace postern::sbc
