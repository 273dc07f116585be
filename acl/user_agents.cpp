#include "acl/user_agents.hpp"

#include <re2/re2.h>
#include <re2/set.h>

namespace postern::acl {
namespace {

// For the set's automaton (a DFA that grows as it sees text and starts afresh when full).
constexpr std::int64_t set_memory = std::int64_t{16} << 20;
constexpr std::int64_t pattern_memory = std::int64_t{1} << 20;
// Instructions of all patterns together (a literal has one for each letter): a set past this would take minutes to build.
constexpr int most_instructions = 200'000;

RE2::Options options(std::int64_t memory) {
  RE2::Options result;
  result.set_case_sensitive(false);
  result.set_log_errors(false);
  result.set_never_capture(true);
  result.set_max_mem(memory);
  return result;
}

std::string refusal(const std::string& pattern, std::string_view why) {
  std::string text = "pattern '" + pattern;
  return text.append("': ").append(why);
}

std::vector<std::string> expanded(std::span<const std::string> patterns) {
  std::vector<std::string> result;
  for (const std::string& pattern : patterns) {
    if (pattern != "builtin") {
      result.push_back(pattern);
      continue;
    }
    for (const ScannerSignature& signature : builtin_scanners()) result.emplace_back(signature.pattern);
  }
  return result;
}

}  // namespace

struct UserAgentSet::Impl {
  RE2::Set set{options(set_memory), RE2::UNANCHORED};
  std::vector<std::unique_ptr<const RE2>> patterns;  // for when the set's automaton finds no memory

  [[nodiscard]] bool any_matches(re2::StringPiece text) const {
    for (const auto& pattern : patterns) {
      if (RE2::PartialMatch(text, *pattern)) return true;
    }
    return false;
  }
};

UserAgentSet::UserAgentSet() : impl_(std::make_unique<Impl>()) {}
UserAgentSet::~UserAgentSet() = default;

std::variant<std::shared_ptr<const UserAgentSet>, std::string> UserAgentSet::compile(std::span<const std::string> patterns) {
  std::shared_ptr<UserAgentSet> result(new UserAgentSet);
  int instructions = 0;
  for (const std::string& pattern : expanded(patterns)) {
    auto compiled = std::make_unique<const RE2>(pattern, options(pattern_memory));
    std::string error = compiled->ok() ? std::string{} : compiled->error();
    if (!error.empty() || result->impl_->set.Add(pattern, &error) < 0) return refusal(pattern, error);
    instructions += compiled->ProgramSize();
    if (instructions > most_instructions) return refusal(pattern, "the set is too large with it");
    result->impl_->patterns.push_back(std::move(compiled));
  }
  if (!result->impl_->set.Compile()) return std::string("the set is too large");
  return std::shared_ptr<const UserAgentSet>(std::move(result));
}

bool UserAgentSet::matches(std::string_view user_agent) const {
  if (impl_->patterns.empty()) return false;
  const re2::StringPiece text = user_agent.empty() ? re2::StringPiece("") : re2::StringPiece(user_agent.substr(0, looked_at));
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  if (impl_->set.Match(text, nullptr, &error)) return true;
  return error.kind == RE2::Set::kOutOfMemory && impl_->any_matches(text);
}

}  // namespace postern::acl
