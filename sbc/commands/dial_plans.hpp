// What is dialled in which country: the first words of `emergency` and `calls` in the file that `postern init` writes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::commands {

/// One country's dialling, told by the first digits, which decide what a call costs. Each text is a list of words with blanks between them:
/// digits or patterns in Asterisk's letters (acl::DialPattern). "Significant" numbers are what stands behind the calling code from abroad.
struct DialPlan {
  std::string_view country;      ///< two letters of ISO 3166-1; empty: any other
  std::string_view name;         ///< in English
  std::string_view code{};       ///< the calling code, "49"
  std::string_view abroad{};     ///< international prefixes; "00" alone is what + is read as, and so always one of them
  std::string_view trunk{};      ///< dialled before a significant number within the country; empty: nothing is
  bool trunk_optional = false;   ///< significant numbers are dialled without it as well
  std::string_view emergency{};  ///< the first is dialled for urn:service:sos
  std::string_view national{};   ///< significant numbers
  std::string_view dialled{};    ///< other national numbers, as they are dialled: without an area code, free ones
  std::string_view premium{};    ///< significant numbers that cost more the longer they last, and codes of other carriers
  std::string_view elsewhere{};  ///< significant numbers under the same calling code that are abroad
};

/// All of them, by name.
std::span<const DialPlan> dial_plans();
/// That of a country, of any other the one that only knows what holds everywhere.
const DialPlan& dial_plan_of(std::string_view country);

/// The classes of `calls`, in patterns as dialled. A pattern is in one of them alone, and once.
struct DialClassPatterns {
  std::vector<std::string> internal, national, international, premium;
};
DialClassPatterns class_patterns_of(const DialPlan& plan);

}  // namespace postern::commands
