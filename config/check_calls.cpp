// Class of service: patterns that two classes claim, classes that nobody has, entries that give nothing.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/device_set.hpp"
#include "acl/dial_pattern.hpp"
#include "config/checks.hpp"

namespace postern::config {
namespace {

constexpr std::size_t most_call_comparisons = 1'000'000;

class CallChecker {
 public:
  CallChecker(const Draft& draft, Report& report)
      : draft_(draft), calls_(*draft.calls), options_(*draft.config.policy.calls), report_(report) {
    for (std::size_t in = 0; in < calls_.classes.size(); ++in) {
      for (const Located<std::string>& text : calls_.classes[in].patterns) {
        if (text.value.size() > 1 && text.value.ends_with('*') && !text.value.starts_with('*'))
          report.warning(text.at, "the `*` is the star key here: any further digits are `.` (one or more) or `!`");
        auto pattern = acl::DialPattern::parse(text.value);
        if (auto* good = std::get_if<acl::DialPattern>(&pattern)) patterns_.push_back({std::move(*good), in, &text});
      }
    }
  }

  void check() {
    check_equal_patterns();
    if (report_.has_errors_at("calls")) return;
    if (calls_.allow.empty()) {
      report_.warning(calls_.at, "`allow` gives nobody any class: no device can call any number");
      return;
    }
    check_classes();
    for (std::size_t i = 0; i < options_.allow.size() && left_ > 0; ++i) check_entry(i);
  }

 private:
  struct Pattern {
    acl::DialPattern pattern;
    std::size_t in;  // index of its class
    const Located<std::string>* text;
  };

  [[nodiscard]] bool spend(std::size_t comparisons) {
    left_ -= std::min(left_, comparisons);
    return left_ > 0;
  }

  void check_equal_patterns() {
    std::vector<const Pattern*> sorted;
    sorted.reserve(patterns_.size());
    for (const Pattern& each : patterns_) sorted.push_back(&each);
    // Equal ones stay in the file's order.
    std::ranges::sort(sorted,
                      [](const Pattern* a, const Pattern* b) { return a->pattern < b->pattern || (!(b->pattern < a->pattern) && a < b); });
    const Pattern* first = nullptr;
    for (const Pattern* each : sorted) {
      if (first == nullptr || !(first->pattern == each->pattern)) {
        first = each;
        continue;
      }
      const std::string same =
          fmt::format("is the pattern {} in line {} again", in_quotes(first->text->value), first->text->at.position.line);
      if (first->in == each->in)
        report_.warning(each->text->at, same);
      else
        report_.error(each->text->at, fmt::format("{}, which is of the class {}: a number is of one class alone", same,
                                                  in_quotes(calls_.classes[first->in].name.value)));
    }
  }

  [[nodiscard]] bool is_allowed(std::size_t in) const {
    return std::ranges::any_of(options_.allow, [&](const acl::CallAllowance& entry) {
      return std::ranges::find(entry.classes, calls_.classes[in].name.value) != entry.classes.end();
    });
  }

  /// A class that nobody has is a way to take numbers out of another; where it takes none it does nothing, as what is in no class is denied
  /// too.
  void check_classes() {
    std::vector<bool> allowed(calls_.classes.size());
    for (std::size_t in = 0; in < allowed.size(); ++in) allowed[in] = is_allowed(in);
    for (std::size_t in = 0; in < allowed.size(); ++in) {
      if (allowed[in]) continue;
      const bool takes = std::ranges::any_of(patterns_, [&](const Pattern& own) {
        if (own.in != in || !spend(patterns_.size())) return own.in == in;
        return std::ranges::any_of(patterns_,
                                   [&](const Pattern& other) { return allowed[other.in] && own.pattern.overlaps(other.pattern); });
      });
      if (!takes)
        report_.warning(calls_.classes[in].name.at,
                        "no entry of `allow` has this class, and its numbers are in no other: nobody can call them");
    }
  }

  void check_entry(std::size_t index) {
    const acl::CallAllowance& entry = options_.allow[index];
    if (waits_for_a_name(draft_, calls_.allow[index].source)) return;
    const Where& at = calls_.allow[index].at;
    if (entry.source && std::ranges::all_of(*entry.source, [](const acl::SharedNetworks& each) { return each->empty(); })) {
      report_.warning(at, "can never match: its source holds no network");
      return;
    }
    std::vector<std::string_view> left(entry.classes.begin(), entry.classes.end());
    for (std::size_t earlier = 0; earlier < index && !left.empty(); ++earlier) {
      if (!contains(options_.allow[earlier], entry)) continue;
      const auto& given = options_.allow[earlier].classes;
      std::erase_if(left, [&](std::string_view name) { return std::ranges::find(given, name) != given.end(); });
      if (left.empty())
        report_.warning(at, fmt::format("can never match: the entry in line {} and those before it give all of its classes already",
                                        calls_.allow[earlier].at.position.line));
    }
  }

  [[nodiscard]] bool contains(const acl::CallAllowance& wide, const acl::CallAllowance& narrow) {
    return sources_contain(wide, narrow) && devices_contain(wide, narrow);
  }

  [[nodiscard]] bool sources_contain(const acl::CallAllowance& wide, const acl::CallAllowance& narrow) {
    if (!wide.source || !narrow.source) return !wide.source;
    const auto within = [&](const acl::Network& network) {
      return std::ranges::any_of(*wide.source, [&](const acl::SharedNetworks& each) {
        return spend(each->size()) && std::ranges::any_of(*each, [&](const acl::Network& outer) { return outer.contains(network); });
      });
    };
    return std::ranges::all_of(*narrow.source, [&](const acl::SharedNetworks& each) { return std::ranges::all_of(*each, within); });
  }

  [[nodiscard]] bool devices_contain(const acl::CallAllowance& wide, const acl::CallAllowance& narrow) {
    if (wide.devices.empty() || narrow.devices.empty()) return wide.devices.empty();
    const acl::DeviceGroups& groups = draft_.config.policy.device_groups;
    const auto set = acl::DeviceSet::compile(wide.devices, groups);
    const auto* devices = std::get_if<acl::DeviceSet>(&set);
    if (devices == nullptr || !spend(wide.devices.size())) return false;
    // A pattern is within the same pattern, and within `*`; whatever else holds it, in doubt it is not.
    const auto named = [&](const std::string& member) {
      return std::ranges::any_of(wide.devices, [&](const std::string& key) {
        const auto members = acl::members_of(key, groups);
        return std::ranges::find(members, member) != members.end() || std::ranges::find(members, "*") != members.end();
      });
    };
    return std::ranges::all_of(narrow.devices, [&](const std::string& key) {
      return std::ranges::all_of(acl::members_of(key, groups), [&](const std::string& member) {
        return acl::is_shell_pattern(member) ? named(member) : devices->contains(member);
      });
    });
  }

  const Draft& draft_;
  const DraftCalls& calls_;
  const acl::CallOptions& options_;
  Report& report_;
  std::vector<Pattern> patterns_;
  std::size_t left_ = most_call_comparisons;
};

}  // namespace

void check_calls(const Draft& draft, Report& report) {
  if (draft.calls && draft.config.policy.calls) CallChecker(draft, report).check();
}

}  // namespace postern::config
