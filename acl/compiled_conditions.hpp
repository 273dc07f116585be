// A rule's conditions made ready for the packet path; used by policy.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/country_cache.hpp"
#include "acl/geo.hpp"
#include "acl/networks.hpp"
#include "acl/options.hpp"
#include "acl/policy.hpp"
#include "acl/shell_pattern.hpp"
#include "acl/user_agent_memory.hpp"
#include "acl/user_agents.hpp"

namespace postern::acl {

/// Words of the rules as numbers, so that a packet's word is looked up once and the rules compare numbers.
class Words {
 public:
  static constexpr std::uint32_t not_named = 0;  ///< a word that no rule names

  std::uint32_t add(const std::string& word) {
    return numbers_.try_emplace(word, static_cast<std::uint32_t>(numbers_.size() + 1)).first->second;
  }
  [[nodiscard]] std::uint32_t find(std::string_view word) const {
    const auto found = numbers_.find(word);
    return found == numbers_.end() ? not_named : found->second;
  }

 private:
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
};

struct Vocabulary {
  Words methods;
  Words listeners;
  Words transports;
};

/// Pattern sets by number; a set is compiled once however many rules name it.
using UserAgentSets = std::vector<std::shared_ptr<const UserAgentSet>>;
using UserAgentNames = std::map<std::string, std::uint32_t, std::less<>>;

/// One packet under evaluation: what costs more than a comparison is found out when first asked for, and kept.
class Evaluation {
 public:
  Evaluation(const RequestFacts& facts, const Vocabulary& vocabulary, const UserAgentSets& sets, const Geo& geo)
      : facts_(facts),
        sets_(sets),
        geo_(geo),
        method_(vocabulary.methods.find(facts.method)),
        listener_(vocabulary.listeners.find(facts.listener)),
        transport_(vocabulary.transports.find(facts.transport)) {}

  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  [[nodiscard]] const RequestFacts& facts() const { return facts_; }
  [[nodiscard]] std::uint32_t method() const { return method_; }
  [[nodiscard]] std::uint32_t listener() const { return listener_; }
  [[nodiscard]] std::uint32_t transport() const { return transport_; }
  [[nodiscard]] Country country() {
    if (!country_) country_ = facts_.countries != nullptr ? facts_.countries->of(geo_, facts_.source) : geo_.country(facts_.source);
    return *country_;
  }
  [[nodiscard]] std::uint32_t asn() {
    if (!asn_) asn_ = geo_.asn(facts_.source);
    return *asn_;
  }
  [[nodiscard]] bool user_agent_in(std::uint32_t set);

 private:
  const RequestFacts& facts_;
  const UserAgentSets& sets_;
  const Geo& geo_;
  std::uint32_t method_;
  std::uint32_t listener_;
  std::uint32_t transport_;
  std::optional<Country> country_;
  std::optional<std::uint32_t> asn_;
  UserAgentStanding own_;
  UserAgentStanding* standing_ = nullptr;  // own_, or what is remembered; nullptr: nothing was asked yet
};

/// "Is (not) among": absent, it admits all.
template <class T>
struct Among {
  std::vector<T> values;  ///< sorted
  bool present = false;
  bool negated = false;

  [[nodiscard]] bool admits(T value) const { return !present || std::binary_search(values.begin(), values.end(), value) != negated; }
};

/// The same for values that are more than a number.
template <class Matcher>
struct Matching {
  Matcher matcher;
  bool present = false;
  bool negated = false;
};

class CompiledConditions {
 public:
  /// Adds what the conditions name to the vocabulary; on failure the message says which value is wrong.
  static std::variant<CompiledConditions, std::string> compile(const Conditions& conditions, Vocabulary& vocabulary,
                                                               const UserAgentNames& user_agents);

  /// True if all that are present hold; the cheap ones are asked first.
  [[nodiscard]] bool hold(Evaluation& packet) const;

 private:
  using Patterns = std::vector<ShellPattern>;

  static bool admits(const Matching<Patterns>& patterns, std::string_view text);
  [[nodiscard]] bool admits_user_agent(Evaluation& packet) const;

  std::optional<bool> registered_;
  Among<std::uint32_t> method_;
  Among<std::uint32_t> listener_;
  Among<std::uint32_t> transport_;
  Among<std::uint32_t> asn_;
  Among<Country> country_;
  Among<std::uint32_t> user_agent_;
  Matching<NetworkSet> source_;
  Matching<Patterns> from_user_;
  Matching<Patterns> to_user_;
  Matching<Patterns> request_user_;
};

}  // namespace postern::acl
