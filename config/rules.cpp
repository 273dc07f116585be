#include "config/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/suggest.hpp"

namespace postern::config {
namespace {

class RuleResolver {
 public:
  RuleResolver(Draft& draft, Resolved& resolved, Report& report) : draft_(draft), resolved_(resolved), report_(report) {
    for (const sbc::ListenerOptions& listener : draft.config.engine.listeners) listeners_.push_back(listener.name);
    sets_.push_back("builtin");
    for (const auto& [name, patterns] : draft.user_agents)
      if (name != "builtin") sets_.push_back(name);
  }

  acl::RuleOptions resolve(const DraftRule& rule, std::size_t index) {
    acl::RuleOptions options;
    options.name = rule.name.empty() ? fmt::format("rules[{}]", index) : rule.name;
    options.when = conditions(rule.when);
    options.unless = conditions(rule.unless);
    options.action = rule.action.value;
    if (rule.status) options.status = rule.status->value;
    if (rule.ban_time) options.ban_time = rule.ban_time->value;
    options.log_only = rule.log_only;
    options.at = {report_.file(), rule.at.position.line};
    check_action(rule);
    return options;
  }

 private:
  void check_action(const DraftRule& rule) {
    if (rule.action.at.path.empty()) return;  // none, or one that is not known: was reported
    if (rule.status && rule.action.value != acl::Action::reject) report_.error(rule.status->at, "only `action: reject` has a status");
    if (rule.ban_time && rule.action.value != acl::Action::ban) report_.error(rule.ban_time->at, "only `action: ban` has a ban_time");
  }

  acl::Conditions conditions(const DraftConditions& draft) {
    acl::Conditions out;
    if (draft.source) out.source = source(*draft.source);
    if (draft.country) out.country = country(*draft.country);
    if (draft.asn) out.asn = asn(*draft.asn);
    if (draft.user_agent) out.user_agent = named(*draft.user_agent, sets_, "set of user_agents");
    if (draft.listener) out.listener = named(*draft.listener, listeners_, "listener");
    out.methods = plain(draft.methods);
    out.transport = plain(draft.transport);
    out.from_user = plain(draft.from_user);
    out.to_user = plain(draft.to_user);
    out.request_user = plain(draft.request_user);
    if (draft.registered) out.registered = registered(*draft.registered);
    return out;
  }

  acl::Condition<acl::Network> source(const DraftCondition<NetworkRef>& draft) {
    acl::Condition<acl::Network> out{{}, draft.negated};
    for (const Located<NetworkRef>& reference : draft.values) {
      const std::vector<acl::Network> networks = networks_of(reference, resolved_, report_);
      out.values.insert(out.values.end(), networks.begin(), networks.end());
    }
    return out;
  }

  acl::Condition<acl::Country> country(const DraftCondition<acl::Country>& draft) {
    if (!draft_.country_database) report_.error(draft.values.front().at, "a condition on country needs the database geo.country");
    acl::Condition<acl::Country> out{{}, draft.negated};
    for (const auto& each : draft.values) out.values.push_back(each.value);
    return out;
  }

  acl::Condition<std::uint32_t> asn(const DraftCondition<Asn>& draft) {
    if (!draft_.asn_database) report_.error(draft.values.front().at, "a condition on asn needs the database geo.asn");
    acl::Condition<std::uint32_t> out{{}, draft.negated};
    for (const auto& each : draft.values) out.values.push_back(each.value.number);
    return out;
  }

  acl::Condition<std::string> named(const DraftCondition<std::string>& draft, const std::vector<std::string_view>& names,
                                    const char* what) {
    acl::Condition<std::string> out{{}, draft.negated};
    for (const auto& each : draft.values) {
      if (report_.full()) break;
      if (std::find(names.begin(), names.end(), each.value) == names.end())
        report_.error(each.at, fmt::format("no {} is named {}{}", what, in_quotes(each.value), did_you_mean(each.value, names)));
      out.values.push_back(each.value);
    }
    return out;
  }

  static std::optional<acl::Condition<std::string>> plain(const std::optional<DraftCondition<std::string>>& draft) {
    if (!draft) return std::nullopt;
    acl::Condition<std::string> out{{}, draft->negated};
    for (const auto& each : draft->values) out.values.push_back(each.value);
    return out;
  }

  std::optional<bool> registered(const DraftCondition<bool>& draft) {
    if (draft.values.size() > 1) report_.error(draft.values[1].at, "on or off, not a list of both");
    return draft.values.front().value != draft.negated;
  }

  Draft& draft_;
  Resolved& resolved_;
  Report& report_;
  std::vector<std::string_view> listeners_;
  std::vector<std::string_view> sets_;
};

}  // namespace

void resolve_rules(Draft& draft, Resolved& resolved, Report& report) {
  RuleResolver resolver(draft, resolved, report);
  for (std::size_t i = 0; i < draft.rules.size(); ++i) draft.config.policy.rules.push_back(resolver.resolve(draft.rules[i], i));
}

void resolve_policy_tests(Draft& draft, Report& report) {
  std::vector<std::string_view> listeners;
  listeners.reserve(draft.config.engine.listeners.size());
  for (const sbc::ListenerOptions& listener : draft.config.engine.listeners) listeners.push_back(listener.name);
  for (DraftPolicyTest& each : draft.policy_tests) {
    const std::string& name = each.listener.value;
    if (!name.empty() && std::find(listeners.begin(), listeners.end(), name) == listeners.end())
      report.error(each.listener.at, fmt::format("no listener is named {}{}", in_quotes(name), did_you_mean(name, listeners)));
    each.test.request.listener = name;
    each.test.line = each.at.position.line;
    each.test.column = each.at.position.column;
    each.test.path = each.at.path;
    draft.config.policy_tests.push_back(std::move(each.test));
  }
}

}  // namespace postern::config
