// Whether one rule's conditions hold wherever another's do. Bounded work: in doubt, no.
#pragma once

#include <cstddef>

#include "acl/options.hpp"

namespace postern::config {

class SubsetJudge {
 public:
  /// True only if every request that `narrow` matches is matched by `wide` too.
  bool contains(const acl::RuleOptions& wide, const acl::RuleOptions& narrow);
  /// Takes so many comparisons; false once all are used up.
  bool spend(std::size_t comparisons);
  [[nodiscard]] bool exhausted() const { return left_ == 0; }

 private:
  bool conditions_contain(const acl::Conditions& wide, const acl::Conditions& narrow);
  template <class T>
  bool condition_contains(const std::optional<acl::Condition<T>>& wide, const std::optional<acl::Condition<T>>& narrow);
  template <class T>
  bool all_within(const std::vector<T>& inner, const std::vector<T>& outer);
  template <class T>
  bool none_shared(const std::vector<T>& a, const std::vector<T>& b);

  std::size_t left_ = 1'000'000;
};

}  // namespace postern::config
