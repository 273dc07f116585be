#include "acl/policy.hpp"

#include <limits>

#include "acl/compiled_conditions.hpp"

namespace postern::acl {
namespace {

constexpr const char* shipped_set = "builtin";

struct Rule {
  CompiledConditions when;
  std::optional<CompiledConditions> unless;
  Action action = Action::allow;
  bool log_only = false;

  bool reads_message = false;      ///< its conditions look at what only a message tells
  bool reads_users = false;        ///< of that at more than method and User-Agent
  bool may_drop_head = false;      ///< judge_head() may drop something from here on
  bool asks_registration = false;  ///< they look at whether the flow has one
  bool asks_where = false;         ///< they look at country or asn

  /// What it does is done and told without a message. One in shadow mode tells of the message that it would refuse.
  [[nodiscard]] bool decides_unread() const { return !reads_message && !log_only; }
  [[nodiscard]] bool decides_by_head() const { return !reads_users && !log_only; }
  [[nodiscard]] bool matches(Evaluation& packet) const { return when.hold(packet) && !(unless && unless->hold(packet)); }
};

bool reads_users(const Conditions& when) { return when.from_user || when.to_user || when.request_user; }
bool reads_message(const Conditions& when) { return when.user_agent || when.methods || reads_users(when); }

RuleOptions builtin_rule() {
  RuleOptions rule;
  rule.name = "builtin scanners";
  rule.when.user_agent = Condition<std::string>{{shipped_set}, false};
  rule.action = Action::ban;
  return rule;
}

}  // namespace

struct Policy::Impl {
  std::vector<RuleOptions> options;
  std::vector<Rule> rules;
  Vocabulary vocabulary;
  UserAgentSets user_agents;
  Action default_action = Action::allow;
  std::optional<CallPolicy> calls;
  Geo geo;
  Devices devices;
  EmergencyNumbers emergency;
  CallingPlaces calling_places;

  // Each returns "" or what is wrong.
  std::string compile_user_agents(const PolicyOptions& policy, UserAgentNames& names);
  std::string compile_rules(const UserAgentNames& names);
  std::string compile_rule(const RuleOptions& rule, const UserAgentNames& names);
  std::string compile_calls(const PolicyOptions& policy);

  /// Of the rules from `from` on for which decides() is true.
  template <class Decides>
  [[nodiscard]] EarlyVerdict judge_early(const RequestFacts& facts, int from, Decides decides) const {
    Evaluation packet(facts, vocabulary, user_agents, geo);
    auto i = static_cast<std::size_t>(from);
    for (; i < rules.size() && decides(rules[i]); ++i) {
      if (rules[i].matches(packet)) return {static_cast<int>(i), rules[i].action == Action::drop};
    }
    return {static_cast<int>(i), false};
  }
};

std::string Policy::Impl::compile_user_agents(const PolicyOptions& policy, UserAgentNames& names) {
  auto sets = policy.user_agents;
  if (!sets.try_emplace(shipped_set, std::vector<std::string>{shipped_set}).second)
    return "user_agents: 'builtin' is the shipped list's name";
  for (const auto& [name, patterns] : sets) {
    auto compiled = UserAgentSet::compile(patterns);
    if (const auto* error = std::get_if<std::string>(&compiled)) return "user_agents." + name + ": " + *error;
    names.emplace(name, static_cast<std::uint32_t>(user_agents.size()));
    user_agents.push_back(std::get<0>(std::move(compiled)));
  }
  return {};
}

std::string Policy::Impl::compile_rule(const RuleOptions& rule, const UserAgentNames& names) {
  Rule result;
  result.action = rule.action;
  result.log_only = rule.log_only;
  result.reads_message = reads_message(rule.when) || reads_message(rule.unless);
  result.reads_users = reads_users(rule.when) || reads_users(rule.unless);
  result.asks_where = rule.when.country || rule.when.asn || rule.unless.country || rule.unless.asn;
  result.asks_registration = rule.when.registered || rule.unless.registered;
  auto when = CompiledConditions::compile(rule.when, vocabulary, names);
  if (const auto* error = std::get_if<std::string>(&when)) return *error;
  result.when = std::get<0>(std::move(when));
  if (!rule.unless.empty()) {
    auto unless = CompiledConditions::compile(rule.unless, vocabulary, names);
    if (const auto* error = std::get_if<std::string>(&unless)) return "unless." + *error;
    result.unless = std::get<0>(std::move(unless));
  }
  rules.push_back(std::move(result));
  return {};
}

std::string Policy::Impl::compile_rules(const UserAgentNames& names) {
  if (options.size() > static_cast<std::size_t>(std::numeric_limits<std::int16_t>::max())) return "rules: more than 32767";
  rules.reserve(options.size());
  for (std::size_t i = 0; i < options.size(); ++i) {
    std::string path = "rules[" + std::to_string(i) + "]";
    if (options[i].name.empty()) options[i].name = path;
    if (const std::string error = compile_rule(options[i], names); !error.empty()) return path.append(1, '.').append(error);
  }
  bool may_drop = false;
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    may_drop = rule->decides_by_head() && (may_drop || rule->action == Action::drop);
    rule->may_drop_head = may_drop;
  }
  return {};
}

std::string Policy::Impl::compile_calls(const PolicyOptions& policy) {
  if (!policy.calls) return {};
  auto compiled = CallPolicy::compile(*policy.calls, policy.device_groups);
  if (const auto* error = std::get_if<std::string>(&compiled)) return *error;
  calls = std::get<CallPolicy>(std::move(compiled));
  return {};
}

Policy::Policy() : impl_(std::make_unique<Impl>()) {}
Policy::~Policy() = default;

std::variant<std::shared_ptr<const Policy>, std::string> Policy::compile(const PolicyOptions& options, Geo geo) {
  std::shared_ptr<Policy> policy(new Policy);
  Impl& impl = *policy->impl_;
  impl.options = options.rules;
  if (options.builtin_scanners) impl.options.push_back(builtin_rule());
  impl.default_action = options.default_action;
  impl.geo = std::move(geo);

  UserAgentNames names;
  std::string error = impl.compile_user_agents(options, names);
  if (error.empty()) error = impl.compile_rules(names);
  if (error.empty()) error = impl.compile_calls(options);
  if (!error.empty()) return error;
  auto devices = Devices::compile(options);
  if (const auto* problem = std::get_if<std::string>(&devices)) return *problem;
  impl.devices = std::get<Devices>(std::move(devices));
  impl.emergency = EmergencyNumbers(options);
  impl.calling_places = CallingPlaces(options);
  return std::shared_ptr<const Policy>(std::move(policy));
}

Verdict Policy::decide(const RequestFacts& facts, int from) const {
  Evaluation packet(facts, impl_->vocabulary, impl_->user_agents, impl_->geo);
  Verdict verdict;
  for (auto i = static_cast<std::size_t>(from); i < impl_->rules.size(); ++i) {
    const Rule& rule = impl_->rules[i];
    if (!rule.matches(packet)) continue;
    if (facts.has_pass && rule.asks_where && rule.action != Action::allow) {
      if (!rule.log_only && verdict.spared == Verdict::default_rule) verdict.spared = static_cast<int>(i);
      continue;
    }
    if (!rule.log_only) {
      verdict.action = rule.action;
      verdict.rule = static_cast<int>(i);
      return verdict;
    }
    if (verdict.shadow_count < Verdict::max_shadows) verdict.shadows[verdict.shadow_count++] = static_cast<std::int16_t>(i);
  }
  verdict.action = impl_->default_action;
  return verdict;
}

std::optional<int> Policy::refuses_connection(const RequestFacts& facts) const {
  Evaluation connection(facts, impl_->vocabulary, impl_->user_agents, impl_->geo);
  for (std::size_t i = 0; i < impl_->rules.size(); ++i) {
    const Rule& rule = impl_->rules[i];
    if (rule.log_only) continue;
    // From here on a message may be let through by a rule that looks into it.
    if (rule.reads_message || rule.asks_registration) {
      if (rule.action == Action::allow || rule.action == Action::reject) return std::nullopt;
      continue;
    }
    if (!rule.matches(connection)) continue;
    const bool refuses = rule.action == Action::drop || rule.action == Action::ban;
    return refuses ? std::optional(static_cast<int>(i)) : std::nullopt;
  }
  return std::nullopt;
}

EarlyVerdict Policy::judge_source(const RequestFacts& facts) const {
  return impl_->judge_early(facts, 0, [](const Rule& rule) { return rule.decides_unread(); });
}

EarlyVerdict Policy::judge_head(const RequestFacts& facts, int from) const {
  return impl_->judge_early(facts, from, [](const Rule& rule) { return rule.may_drop_head; });
}

bool Policy::may_drop_head(int from) const {
  const auto first = static_cast<std::size_t>(from);
  return first < impl_->rules.size() && impl_->rules[first].may_drop_head;
}

std::span<const RuleOptions> Policy::rules() const { return impl_->options; }

std::string_view Policy::rule_name(int rule) const {
  if (rule < 0 || static_cast<std::size_t>(rule) >= impl_->options.size()) return "default_action";
  return impl_->options[static_cast<std::size_t>(rule)].name;
}

const SourceLine* Policy::rule_place(int rule) const {
  if (rule < 0 || static_cast<std::size_t>(rule) >= impl_->options.size()) return nullptr;
  const SourceLine& at = impl_->options[static_cast<std::size_t>(rule)].at;
  return at.file.empty() ? nullptr : &at;
}

const Geo& Policy::geo() const { return impl_->geo; }
const Devices& Policy::devices() const { return impl_->devices; }
const EmergencyNumbers& Policy::emergency() const { return impl_->emergency; }
const CallingPlaces& Policy::calling_places() const { return impl_->calling_places; }

const CallPolicy* Policy::calls() const { return impl_->calls ? &*impl_->calls : nullptr; }

}  // namespace postern::acl
