// User-Agent patterns: sets of RE2 expressions matched without case.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace postern::acl {

/// A published fact about a scanner: what it writes into User-Agent, who says so.
struct ScannerSignature {
  std::string_view pattern;  ///< RE2, matched anywhere without case; ^ and $ anchor
  std::string_view tool;
  std::string_view source;  ///< where this was published
};

/// The shipped list `builtin`: only signatures that no legitimate product sends.
std::span<const ScannerSignature> builtin_scanners();

/// Immutable and safe to share between threads; looks at no more than the first `looked_at` octets. What was seen before is matched without
/// an allocation; for new text RE2 may add states to its automaton, which is bounded (and rarely locked).
class UserAgentSet {
 public:
  static constexpr std::size_t looked_at = 512;  ///< octets of a text

  /// `builtin` among the patterns stands for builtin_scanners(). On failure: which pattern, and why.
  static std::variant<std::shared_ptr<const UserAgentSet>, std::string> compile(std::span<const std::string> patterns);
  ~UserAgentSet();
  UserAgentSet(const UserAgentSet&) = delete;
  UserAgentSet& operator=(const UserAgentSet&) = delete;

  [[nodiscard]] bool matches(std::string_view user_agent) const;

 private:
  UserAgentSet();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::acl
