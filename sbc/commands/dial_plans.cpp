#include "sbc/commands/dial_plans.hpp"

#include <algorithm>

#include "config/words.hpp"

namespace postern::commands {
namespace {

using config::split_words;

/// Extensions of two to four digits, feature codes and those with an extension behind them. None has an open end: *72 and a number behind
/// it would forward calls there.
constexpr std::string_view internal_numbers = "ZX ZXX ZXXX *X *XX *XXX *XXZXX *XXZXXX **ZXX **ZXXX";

/// Calling codes that belong to no country and are dear from everywhere: satellites, personal numbers, international networks, premium
/// rate (ITU-T E.164, list of assigned country codes).
constexpr std::string_view costly_codes = "870 878 881 882 883 888 979";

/// Universal international freephone numbers (ITU-T E.169.1): free from everywhere.
constexpr std::string_view free_from_everywhere = "00800XXXXXXXX";

void add(std::vector<std::string>& into, const std::string& pattern) {
  if (std::ranges::find(into, pattern) == into.end()) into.push_back(pattern);
}

void add_words(std::vector<std::string>& into, std::string_view patterns) {
  for (const std::string_view pattern : split_words(patterns)) add(into, std::string(pattern));
}

/// Significant numbers in each way that they are dialled: within the country, and with its calling code behind a +.
void add_significant(std::vector<std::string>& into, const DialPlan& plan, std::string_view patterns) {
  for (const std::string_view word : split_words(patterns)) {
    const std::string pattern(word);
    if (plan.trunk.empty() || plan.trunk_optional) add(into, pattern);
    if (!plan.trunk.empty()) add(into, std::string(plan.trunk) + pattern);
    if (!plan.code.empty()) add(into, "00" + std::string(plan.code) + pattern);
  }
}

}  // namespace

const DialPlan& dial_plan_of(std::string_view country) {
  static const DialPlan other{.country = "",
                              .name = "any country",
                              // Prefixes of countries that have none with 00 in front: nobody's own numbers are cheaper than they look.
                              .abroad = "00 010 011 119 810",
                              .trunk = "0",
                              .emergency = "112 911 999 000",
                              .national = "Z.",
                              .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX NXXXXXXXX NXXXXXXXXX",
                              .premium = "900."};
  const std::span<const DialPlan> plans = dial_plans();
  const auto found = std::ranges::find(plans, country, &DialPlan::country);
  return found == plans.end() ? other : *found;
}

DialClassPatterns class_patterns_of(const DialPlan& plan) {
  DialClassPatterns classes;
  add_words(classes.internal, internal_numbers);
  add_significant(classes.national, plan, plan.national);
  add_words(classes.national, plan.dialled);
  add_words(classes.national, free_from_everywhere);
  add(classes.international, "00.");
  add_significant(classes.premium, plan, plan.premium);
  for (const std::string_view code : split_words(costly_codes)) add(classes.premium, "00" + std::string(code) + ".");
  for (const std::string_view prefix : split_words(plan.abroad)) {
    if (prefix == "00") continue;
    if (!prefix.starts_with("00")) add(classes.international, std::string(prefix) + ".");
    for (const std::string_view code : split_words(costly_codes)) add(classes.premium, std::string(prefix) + std::string(code) + ".");
  }
  add_significant(classes.international, plan, plan.elsewhere);
  return classes;
}

}  // namespace postern::commands
