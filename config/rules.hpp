// The draft's rules -> acl::RuleOptions.
#pragma once

#include <vector>

#include "config/draft.hpp"
#include "config/located.hpp"
#include "config/resolve.hpp"

namespace postern::config {

/// Fills draft.config.policy.rules, one for one; reports names that are not there and conditions that cannot be judged.
void resolve_rules(Draft& draft, Resolved& resolved, Report& report);

/// Fills draft.config.policy_tests; reports listeners that are not there.
void resolve_policy_tests(Draft& draft, Report& report);

}  // namespace postern::config
