// Settings that are valid one by one and leave nothing protected, or nobody served.
#include <algorithm>

#include "config/checks.hpp"

namespace postern::config {
namespace {

void check_limits(const Draft& draft, Report& report) {
  const sbc::LimitsOptions& limits = draft.config.engine.limits;
  const bool none = !limits.per_source && limits.per_source_methods.empty() && !limits.unknown_sources && !limits.pbx;
  if (draft.limits_at && none) report.warning(*draft.limits_at, "all limits are off: nothing holds back a flood or a guesser of passwords");
}

void check_default_action(const Draft& draft, Report& report) {
  const acl::PolicyOptions& policy = draft.config.policy;
  if (!draft.default_action_at || policy.default_action == acl::Action::allow || report.has_errors_at("rules")) return;
  const bool any = std::any_of(policy.rules.begin(), policy.rules.end(),
                               [](const acl::RuleOptions& rule) { return rule.action == acl::Action::allow && !rule.log_only; });
  if (!any) report.warning(*draft.default_action_at, "no rule allows anything: nobody can register or call");
}

void check_registered_only(const Draft& draft, Report& report) {
  if (draft.registers_registered_only)
    report.warning(*draft.registers_registered_only,
                   "nobody can register any more, but from `trusted`: the first REGISTER of a phone comes from no registered flow");
}

void check_trap_listeners(const Draft& draft, Report& report) {
  const auto& listeners = draft.config.engine.listeners;
  const bool all = !listeners.empty() && std::ranges::all_of(listeners, &sbc::ListenerOptions::trap);
  if (all) report.error(draft.listeners.front().at, "every listener is a trap: nobody can register or call; add one that is none");
}

void check_jail(const Draft& draft, Report& report) {
  if (draft.jail_off_at) report.warning(*draft.jail_off_at, "the jail is off: passwords can be guessed for as long as it takes");
}

void check_admin(const Draft& draft, Report& report) {
  const auto& admin = draft.config.shell.admin;
  if (draft.admin_at && admin && admin->address.is_unspecified())
    report.warning(*draft.admin_at,
                   "is reachable on every address of this host, without a password; a loopback or management address is safer");
}

void check_kernel(const Draft& draft, Report& report) {
  if (draft.kernel && draft.kernel->value == "xdp") report.warning(draft.kernel->at, "xdp has no effect in this version: `nftables` has");
}

void check_hep(const Draft& draft, Report& report) {
  const auto& server = draft.config.shell.hep;
  if (server && !server->address.is_private())
    report.warning(
        *draft.hep_at,
        "is no private address: the copies are not encrypted, and tell who calls whom, digests of passwords and where the PBX is; a "
        "server in a network of your own, or behind a tunnel, is safer");
}

}  // namespace

void check_protection(const Draft& draft, Report& report) {
  check_limits(draft, report);
  check_default_action(draft, report);
  check_registered_only(draft, report);
  check_trap_listeners(draft, report);
  check_jail(draft, report);
  check_admin(draft, report);
  check_kernel(draft, report);
  check_hep(draft, report);
}

}  // namespace postern::config
