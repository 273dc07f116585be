#include "acl/compiled_conditions.hpp"

namespace postern::acl {
namespace {

template <class T>
Among<T> among(std::vector<T> values, bool negated) {
  std::sort(values.begin(), values.end());
  return {std::move(values), true, negated};
}

template <class T>
Among<T> among(const std::optional<Condition<T>>& condition) {
  return condition ? among(condition->values, condition->negated) : Among<T>{};
}

Among<std::uint32_t> numbered(const std::optional<Condition<std::string>>& condition, Words& words) {
  if (!condition) return {};
  std::vector<std::uint32_t> numbers;
  for (const std::string& word : condition->values) numbers.push_back(words.add(word));
  return among(std::move(numbers), condition->negated);
}

/// "" or what is wrong.
std::string compile_user_agents(const std::optional<Condition<std::string>>& condition, const UserAgentNames& names,
                                Among<std::uint32_t>& into) {
  if (!condition) return {};
  std::vector<std::uint32_t> sets;
  for (const std::string& name : condition->values) {
    const auto found = names.find(name);
    if (found == names.end()) return "user_agent: there is no pattern set '" + name + "'";
    sets.push_back(found->second);
  }
  into = among(std::move(sets), condition->negated);
  return {};
}

std::string compile_patterns(const char* what, const std::optional<Condition<std::string>>& condition,
                             Matching<std::vector<ShellPattern>>& into) {
  if (!condition) return {};
  into.present = true;
  into.negated = condition->negated;
  for (const std::string& text : condition->values) {
    auto pattern = ShellPattern::compile(text);
    if (!pattern) return std::string(what) + ": '" + text + "' has more than " + std::to_string(ShellPattern::longest) + " characters";
    into.matcher.push_back(std::move(*pattern));
  }
  return {};
}

}  // namespace

bool Evaluation::user_agent_in(std::uint32_t set) {
  if (set >= UserAgentStanding::sets) return sets_[set]->matches(facts_.user_agent);
  if (standing_ == nullptr) {
    const std::string_view seen = facts_.user_agent.substr(0, UserAgentSet::looked_at);
    standing_ = facts_.user_agent_memory != nullptr ? &facts_.user_agent_memory->of(seen) : &own_;
  }
  const std::uint64_t bit = std::uint64_t{1} << set;
  if ((standing_->asked & bit) == 0) {
    standing_->asked |= bit;
    if (sets_[set]->matches(facts_.user_agent)) standing_->matched |= bit;
  }
  return (standing_->matched & bit) != 0;
}

std::variant<CompiledConditions, std::string> CompiledConditions::compile(const Conditions& conditions, Vocabulary& vocabulary,
                                                                          const UserAgentNames& user_agents) {
  CompiledConditions result;
  result.registered_ = conditions.registered;
  result.method_ = numbered(conditions.methods, vocabulary.methods);
  result.listener_ = numbered(conditions.listener, vocabulary.listeners);
  result.transport_ = numbered(conditions.transport, vocabulary.transports);
  result.asn_ = among(conditions.asn);
  result.country_ = among(conditions.country);
  if (conditions.source) result.source_ = {NetworkSet(conditions.source->values), true, conditions.source->negated};

  std::string error = compile_user_agents(conditions.user_agent, user_agents, result.user_agent_);
  if (error.empty()) error = compile_patterns("from_user", conditions.from_user, result.from_user_);
  if (error.empty()) error = compile_patterns("to_user", conditions.to_user, result.to_user_);
  if (error.empty()) error = compile_patterns("request_user", conditions.request_user, result.request_user_);
  if (!error.empty()) return error;
  return result;
}

bool CompiledConditions::admits(const Matching<Patterns>& patterns, std::string_view text) {
  if (!patterns.present) return true;
  const bool any =
      std::any_of(patterns.matcher.begin(), patterns.matcher.end(), [text](const ShellPattern& pattern) { return pattern.matches(text); });
  return any != patterns.negated;
}

bool CompiledConditions::admits_user_agent(Evaluation& packet) const {
  if (!user_agent_.present) return true;
  const bool any =
      std::any_of(user_agent_.values.begin(), user_agent_.values.end(), [&packet](std::uint32_t set) { return packet.user_agent_in(set); });
  return any != user_agent_.negated;
}

bool CompiledConditions::hold(Evaluation& packet) const {
  const RequestFacts& facts = packet.facts();
  if (registered_ && *registered_ != facts.registered) return false;
  if (!method_.admits(packet.method()) || !transport_.admits(packet.transport()) || !listener_.admits(packet.listener())) return false;
  if (source_.present && source_.matcher.contains(facts.source) == source_.negated) return false;
  if (asn_.present && !asn_.admits(packet.asn())) return false;
  if (country_.present && !country_.admits(packet.country())) return false;
  if (!admits(request_user_, facts.request_user) || !admits(from_user_, facts.from_user) || !admits(to_user_, facts.to_user)) return false;
  return admits_user_agent(packet);
}

}  // namespace postern::acl
