#include "config/subsets.hpp"

#include <algorithm>

namespace postern::config {
namespace {

template <class T>
bool holds(const T& outer, const T& inner) {
  return outer == inner;
}
bool holds(const acl::Network& outer, const acl::Network& inner) { return outer.contains(inner); }
/// Of shell patterns equality is enough of an answer, and a lone star.
bool holds(const std::string& outer, const std::string& inner) { return outer == "*" || outer == inner; }

bool has_pattern(const std::string& text) { return text.find_first_of("*?") != std::string::npos; }

template <class T>
bool overlap(const T& a, const T& b) {
  return a == b;
}
bool overlap(const acl::Network& a, const acl::Network& b) { return a.contains(b) || b.contains(a); }
bool overlap(const std::string& a, const std::string& b) { return a == b || has_pattern(a) || has_pattern(b); }

}  // namespace

bool SubsetJudge::spend(std::size_t comparisons) {
  if (comparisons > left_) {
    left_ = 0;
    return false;
  }
  left_ -= comparisons;
  return true;
}

template <class T>
bool SubsetJudge::all_within(const std::vector<T>& inner, const std::vector<T>& outer) {
  if (!spend(inner.size() * outer.size())) return false;
  return std::all_of(inner.begin(), inner.end(), [&](const T& value) {
    return std::any_of(outer.begin(), outer.end(), [&](const T& each) { return holds(each, value); });
  });
}

template <class T>
bool SubsetJudge::none_shared(const std::vector<T>& a, const std::vector<T>& b) {
  if (!spend(a.size() * b.size())) return false;
  return std::none_of(a.begin(), a.end(),
                      [&](const T& value) { return std::any_of(b.begin(), b.end(), [&](const T& each) { return overlap(each, value); }); });
}

template <class T>
bool SubsetJudge::condition_contains(const std::optional<acl::Condition<T>>& wide, const std::optional<acl::Condition<T>>& narrow) {
  if (!wide) return true;
  if (!narrow) return false;
  if (!wide->negated && !narrow->negated) return all_within(narrow->values, wide->values);
  if (wide->negated && narrow->negated) return all_within(wide->values, narrow->values);
  if (wide->negated) return none_shared(narrow->values, wide->values);
  return false;
}

bool SubsetJudge::conditions_contain(const acl::Conditions& wide, const acl::Conditions& narrow) {
  // A user agent may be in several sets at once: sets with different names are neither in each other nor apart.
  const bool agents = !wide.user_agent || (narrow.user_agent && wide.user_agent->negated == narrow.user_agent->negated &&
                                           condition_contains(wide.user_agent, narrow.user_agent));
  const bool registered = !wide.registered || wide.registered == narrow.registered;
  return agents && registered && condition_contains(wide.methods, narrow.methods) && condition_contains(wide.listener, narrow.listener) &&
         condition_contains(wide.transport, narrow.transport) && condition_contains(wide.country, narrow.country) &&
         condition_contains(wide.asn, narrow.asn) && condition_contains(wide.from_user, narrow.from_user) &&
         condition_contains(wide.to_user, narrow.to_user) && condition_contains(wide.request_user, narrow.request_user) &&
         condition_contains(wide.source, narrow.source);
}

bool SubsetJudge::contains(const acl::RuleOptions& wide, const acl::RuleOptions& narrow) {
  if (!spend(1) || !conditions_contain(wide.when, narrow.when)) return false;
  if (wide.unless.empty()) return true;
  // What the wide rule leaves out, the narrow one must leave out as well.
  return !narrow.unless.empty() && conditions_contain(narrow.unless, wide.unless);
}

}  // namespace postern::config
