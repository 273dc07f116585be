// What is valid and yet wrong: loops, addresses of others, rules that never match or refuse more than they seem to.
#pragma once

#include "config/draft.hpp"
#include "config/located.hpp"

namespace postern::config {

/// The PBX's address against the listeners' (errors), and addresses that this host does not have (warnings).
void check_addresses(const Draft& draft, Report& report);
/// Warnings about rules: draft.rules and draft.config.policy.rules must correspond. Bounded work.
void check_rules(const Draft& draft, Report& report);

}  // namespace postern::config
