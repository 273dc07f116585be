#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "config/checks.hpp"
#include "config/subsets.hpp"

namespace postern::config {
namespace {

using acl::Action;

class RuleChecker {
 public:
  RuleChecker(const Draft& draft, Report& report) : draft_(draft), report_(report) {
    sound_.reserve(draft.rules.size());
    for (const DraftRule& rule : draft.rules) sound_.push_back(is_sound(rule));
    listeners_known_ = !report.has_errors_at("listeners");
  }

  void check() {
    for (std::size_t i = 0; i < rules().size() && !judge_.exhausted(); ++i) {
      check_name(i);
      if (!sound_[i]) continue;
      check_methods(i);
      if (!check_reachable(i)) continue;
      if (rules()[i].action == Action::allow || rules()[i].log_only) continue;
      check_unknown_countries(i);
      check_guarded(i);
    }
  }

 private:
  [[nodiscard]] const std::vector<acl::RuleOptions>& rules() const { return draft_.config.policy.rules; }
  [[nodiscard]] const Where& where(std::size_t index) const { return draft_.rules[index].at; }

  /// Neither it nor a network that it names has an error.
  [[nodiscard]] bool is_sound(const DraftRule& rule) const {
    if (!report_.has_errors()) return true;
    if (report_.full() || report_.has_errors_at(rule.at.path)) return false;
    for (const DraftConditions* conditions : {&rule.when, &rule.unless}) {
      if (!conditions->source) continue;
      for (const Located<NetworkRef>& reference : conditions->source->values)
        if (!reference.value.name.empty() && report_.has_errors_at("networks." + reference.value.name)) return false;
    }
    return true;
  }

  void check_name(std::size_t index) {
    const std::string& name = draft_.rules[index].name;
    if (name.empty()) return;
    const auto [first, added] = names_.try_emplace(name, index);
    if (!added)
      report_.warning(where(index), fmt::format("has the name {} of the rule in line {}: logs and metrics cannot tell them apart",
                                                in_quotes(name), where(first->second).position.line));
  }

  void check_methods(std::size_t index) {
    const auto& methods = rules()[index].when.methods;
    if (!methods || methods->negated) return;
    if (std::find(methods->values.begin(), methods->values.end(), "ACK") != methods->values.end())
      report_.warning(where(index), "rules are not asked about ACK: it belongs to an INVITE that they have judged");
  }

  /// All that its conditions leave, its exceptions take away.
  bool excludes_itself(const acl::RuleOptions& rule) {
    if (rule.unless.empty()) return false;
    acl::RuleOptions exception;
    exception.when = rule.unless;
    acl::RuleOptions plain;
    plain.when = rule.when;
    return judge_.contains(exception, plain);
  }

  bool check_reachable(std::size_t index) {
    const acl::RuleOptions& rule = rules()[index];
    const auto& source = draft_.rules[index].when.source;
    if (source && waits_for_a_name(draft_, source->values)) return check_transport(index);
    for (std::size_t earlier = 0; earlier < index && !judge_.exhausted(); ++earlier) {
      if (!sound_[earlier] || rules()[earlier].log_only || !judge_.contains(rules()[earlier], rule)) continue;
      report_.warning(where(index), fmt::format("can never match: {} in line {} decides first", in_quotes(rules()[earlier].name),
                                                rules()[earlier].at.line));
      return false;
    }
    if (rule.when.source && !rule.when.source->negated && rule.when.source->values.empty()) {
      report_.warning(where(index), "can never match: its source holds no network");
      return false;
    }
    if (excludes_itself(rule)) {
      report_.warning(where(index), "can never match: `unless` holds wherever its conditions do");
      return false;
    }
    return check_transport(index);
  }

  bool check_transport(std::size_t index) {
    const auto& transport = rules()[index].when.transport;
    if (!transport || !listeners_known_) return true;
    const auto& listeners = draft_.config.engine.listeners;
    const bool any = std::any_of(listeners.begin(), listeners.end(), [&](const sbc::ListenerOptions& listener) {
      const std::string_view word = sbc::to_string(listener.transport);
      return (std::find(transport->values.begin(), transport->values.end(), word) != transport->values.end()) != transport->negated;
    });
    if (!any) report_.warning(where(index), "can never match: no listener has such a transport");
    return any;
  }

  /// `{not: [US]}` holds for addresses that no database knows: seldom what is meant.
  void check_unknown_countries(std::size_t index) {
    const acl::RuleOptions& rule = rules()[index];
    const auto lacks = [](const acl::Condition<acl::Country>& condition, acl::Country country) {
      return std::find(condition.values.begin(), condition.values.end(), country) == condition.values.end();
    };
    std::vector<std::string> refused;
    for (const acl::Country country : {acl::Country::private_, acl::Country::unknown}) {
      const auto& when = rule.when.country;
      const auto& unless = rule.unless.country;
      const bool not_listed = when && when->negated && lacks(*when, country);
      const bool not_excepted = !when && unless && !unless->negated && lacks(*unless, country);
      const bool excepted = unless && unless->negated == lacks(*unless, country);
      if ((not_listed && !excepted) || not_excepted) refused.push_back(country.to_string());
    }
    if (refused.empty()) return;
    const Where& at = where(index);
    report_.warning(at, fmt::format("refuses addresses whose country is {} too; add {} to the countries if that is not meant",
                                    fmt::join(refused, " or "), in_backticks(refused)));
  }

  static std::string in_backticks(const std::vector<std::string>& words) { return fmt::format("`{}`", fmt::join(words, "` and `")); }

  /// A trusted or a trunk network, or one that a device may come from, among those that a rule refuses by their address.
  void check_guarded(std::size_t index) {
    const acl::RuleOptions& rule = rules()[index];
    if (!rule.when.source || rule.when.source->negated) return;
    for (const acl::Network& trusted : draft_.config.engine.trusted) {
      if (check_one_guarded(index, trusted, "trusted")) return;
    }
    for (const Located<acl::Network>& trunk : draft_.trunk_networks) {
      if (check_one_guarded(index, trunk.value, "a trunk's")) return;
    }
    std::unordered_set<const void*> seen;  // many devices name the same list
    for (const acl::DeviceOptions& device : draft_.config.policy.devices) {
      for (const acl::SharedNetworks& list : device.permit) {
        if (!seen.insert(list.get()).second) continue;
        for (const acl::Network& network : *list) {
          if (check_one_guarded(index, network, "in the permit of devices." + device.key)) return;
        }
      }
    }
  }

  bool check_one_guarded(std::size_t index, const acl::Network& guarded, const std::string& what) {
    const auto& refused = rules()[index].when.source->values;
    if (!judge_.spend(refused.size())) return true;
    const auto overlaps = [&](const acl::Network& network) { return network.contains(guarded) || guarded.contains(network); };
    if (std::none_of(refused.begin(), refused.end(), overlaps) || allowed_before(index, guarded)) return false;
    report_.warning(where(index), fmt::format("its source holds addresses of {}, which is {}", guarded.to_string(), printable(what)));
    return true;
  }

  /// An earlier rule lets all of the network pass.
  bool allowed_before(std::size_t index, const acl::Network& network) {
    acl::RuleOptions all_of_it;
    all_of_it.when.source = acl::Condition<acl::Network>{{network}, false};
    return std::any_of(rules().begin(), rules().begin() + static_cast<std::ptrdiff_t>(index), [&](const acl::RuleOptions& earlier) {
      if (earlier.action != Action::allow || earlier.log_only) return false;
      return !sound_[static_cast<std::size_t>(&earlier - rules().data())] || judge_.contains(earlier, all_of_it);
    });
  }

  const Draft& draft_;
  Report& report_;
  SubsetJudge judge_;
  std::vector<bool> sound_;
  std::unordered_map<std::string_view, std::size_t> names_;
  bool listeners_known_ = true;
};

}  // namespace

void check_rules(const Draft& draft, Report& report) { RuleChecker(draft, report).check(); }

}  // namespace postern::config
