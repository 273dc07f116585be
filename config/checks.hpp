// What is valid and yet wrong: loops, addresses of others, rules that never match or refuse more than they seem to.
#pragma once

#include "config/draft.hpp"
#include "config/located.hpp"
#include "config/resolve.hpp"

namespace postern::config {

/// Whether a socket bound there takes an endpoint of ours: a wildcard takes every address of its own family, as ours are IPV6_V6ONLY.
bool covers(const sbc::Endpoint& bound, const sbc::Endpoint& endpoint);
/// The PBX's address against the listeners' (errors), and addresses that this host does not have (warnings).
void check_addresses(const Draft& draft, Report& report);
/// Warnings about rules: draft.rules and draft.config.policy.rules must correspond. A rule with an error is left out: it may have lost
/// the condition that matters. Bounded work.
void check_rules(const Draft& draft, Report& report);
/// Warnings about entries of `devices` that never match or let nobody in, and groups that nothing names. Bounded work.
void check_devices(const Draft& draft, const Resolved& resolved, Report& report);
/// An emergency number or a device with an entry of its own that is a trap: an error.
void check_traps(const Draft& draft, Report& report);
/// Class of service: patterns that two classes have (errors), classes that nobody has and entries that give nothing (warnings). Bounded
/// work.
void check_calls(const Draft& draft, Report& report);
/// Warnings about settings that leave nothing protected, or nobody served.
void check_protection(const Draft& draft, Report& report);

}  // namespace postern::config
