// Numbers, durations, rates, names: scalars without an address in them.
#include "config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "acl/dial_pattern.hpp"
#include "config/countries.hpp"
#include "config/located.hpp"
#include "config/suggest.hpp"
#include "sip/method.hpp"

namespace postern::config {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> units{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

Parsed parse_bounded_text(const Kind& kind, std::string_view text, std::size_t longest) {
  if (text.empty() || text.size() > longest) return expected(kind, text);
  return {std::string(text), {}};
}

Parsed parse_text(std::string_view text, const Range& /*range*/) { return parse_bounded_text(kinds::text, text, 1024); }
Parsed parse_path(std::string_view text, const Range& /*range*/) { return parse_bounded_text(kinds::path, text, 4096); }
Parsed parse_user(std::string_view text, const Range& /*range*/) { return parse_bounded_text(kinds::user, text, 128); }
Parsed parse_glob(std::string_view text, const Range& /*range*/) { return parse_bounded_text(kinds::glob, text, 128); }
Parsed parse_pattern(std::string_view text, const Range& /*range*/) { return parse_bounded_text(kinds::pattern, text, 1024); }
Parsed parse_word(std::string_view text, const Range& /*range*/) { return expected(kinds::word, text); }

Parsed parse_name(std::string_view text, const Range& /*range*/) {
  const bool good = std::all_of(text.begin(), text.end(), [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
  // A name that reads as an address would hide one of the two.
  if (text.empty() || text.size() > 64 || !good || acl::Network::parse(text)) return expected(kinds::name, text);
  return {std::string(text), {}};
}

Parsed parse_agent_set(std::string_view text, const Range& range) {
  Parsed name = parse_name(text, range);
  if (name.value) return name;
  return Parsed::wrong(
      fmt::format("{}; patterns go under `user_agents:`, as in `user_agents: {{mine: [\"^sipcli\"]}}` and `user_agent: mine`",
                  expected(kinds::agent_set, text).problem));
}

Parsed parse_digits(std::string_view text, const Range& /*range*/) {
  const bool good =
      std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '*' || c == '#' || c == '+'; });
  if (text.empty() || text.size() > 32 || !good) return expected(kinds::digits, text);
  return {std::string(text), {}};
}

Parsed parse_dial_pattern(std::string_view text, const Range& /*range*/) {
  const auto pattern = acl::DialPattern::parse(text);
  if (const auto* error = std::get_if<std::string>(&pattern))
    return Parsed::wrong(fmt::format("{}: {}", expected(kinds::dial_pattern, text).problem, *error));
  return {std::string(text), {}};
}

Parsed parse_integer(std::string_view text, const Range& range) {
  const bool negative = text.starts_with('-');
  const auto number = parse_number(negative ? text.substr(1) : text);
  if (!number) return expected(kinds::integer, text);
  const bool inside = !negative && *number >= static_cast<std::uint64_t>(range.least) && *number <= static_cast<std::uint64_t>(range.most);
  if (!inside) return Parsed::wrong(fmt::format("must be between {} and {}, got {}", range.least, range.most, text));
  return {static_cast<std::int64_t>(*number), {}};
}

Parsed parse_on_off(std::string_view text, const Range& /*range*/) {
  const auto value = parse_switch(text);
  if (!value) return expected(kinds::on_off, text);
  return {*value, {}};
}

Parsed parse_duration_value(std::string_view text, const Range& range) {
  const auto duration = parse_duration(text);
  if (!duration) return Parsed::wrong(expected(kinds::duration, text).problem + meant_duration(text));
  if (duration->count() < range.least || duration->count() > range.most) {
    using std::chrono::milliseconds;
    return Parsed::wrong(
        fmt::format("must be between {} and {}, got {}", to_string(milliseconds(range.least)), to_string(milliseconds(range.most)), text));
  }
  return {*duration, {}};
}

Parsed parse_rate(std::string_view text, const Range& range) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return Parsed::wrong(expected(kinds::rate, text).problem + meant_rate(text));
  const auto count = parse_number(text.substr(0, slash));
  const std::string_view unit = text.substr(slash + 1);
  const double seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (!count || seconds == 0) return Parsed::wrong(expected(kinds::rate, text).problem + meant_rate(text));
  if (*count < static_cast<std::uint64_t>(range.least) || *count > static_cast<std::uint64_t>(range.most))
    return Parsed::wrong(fmt::format("must be between {0}/{2} and {1}/{2}, got {3}", range.least, range.most, unit, text));
  return {RateValue{static_cast<double>(*count) / seconds}, {}};
}

Parsed parse_country(std::string_view text, const Range& /*range*/) {
  const auto country = acl::Country::parse(text);
  if (country && is_assigned(*country)) return {*country, {}};
  // The one that everybody writes, and that is two edits away from the right one.
  if (country && country->to_string() == "UK") return Parsed::wrong("\"UK\" is no ISO 3166 country code; did you mean \"GB\"?");
  return Parsed::wrong(fmt::format("{} is no ISO 3166 country code and neither `private` nor `unknown`{}", in_quotes(text),
                                   did_you_mean(text, country_words())));
}

Parsed parse_asn(std::string_view text, const Range& /*range*/) {
  std::string_view digits = text;
  if (digits.starts_with("AS") || digits.starts_with("as")) digits.remove_prefix(2);
  const auto number = parse_number(digits);
  if (!number || *number == 0 || *number > UINT32_MAX) return expected(kinds::asn, text);
  return {Asn{static_cast<std::uint32_t>(*number)}, {}};
}

std::span<const std::string_view> method_words() {
  static const auto words = [] {
    std::array<std::string_view, sip::method_count - 1> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = sip::to_string(static_cast<sip::Method>(i));
    return all;
  }();
  return words;
}

Parsed parse_method(std::string_view text, const Range& /*range*/) {
  const auto words = method_words();
  if (std::find(words.begin(), words.end(), text) != words.end()) return {std::string(text), {}};
  return Parsed::wrong(fmt::format("{} is no SIP method known here{}", in_quotes(text), did_you_mean(text, words)));
}

}  // namespace

namespace kinds {
const Kind text{"text", "text (up to 1024 bytes)", parse_text};
const Kind name{"name", "a name of up to 64 letters, digits, `-`, `_` and `.` that is no address", parse_name};
const Kind agent_set{"set of patterns", "the name of a set of `user_agents`", parse_agent_set};
const Kind path{"path", "the path of a file", parse_path};
const Kind user{"user", "a user name (up to 128 bytes)", parse_user};
const Kind glob{"shell pattern", "a user name, perhaps with * and ? (up to 128 bytes)", parse_glob};
const Kind pattern{"pattern", "a pattern in RE2's syntax (up to 1024 bytes)", parse_pattern};
const Kind digits{"digits", "digits, as dialled", parse_digits};
const Kind dial_pattern{"dial pattern", "a pattern of digits and X Z N [..], perhaps with `.` or `!` at its end", parse_dial_pattern};
const Kind word{"word", "one of the words named", parse_word};
const Kind integer{"number", "a whole number", parse_integer};
const Kind on_off{"switch", "on or off", parse_on_off};
const Kind duration{"duration", "a duration such as 500ms, 30s, 10m, 1h or 7d", parse_duration_value};
const Kind rate{"rate", "a rate such as 50/s, 30/m or 10/h", parse_rate};
const Kind country{"country", "a country's two letters, `private` or `unknown`", parse_country};
const Kind asn{"AS number", "an AS number such as 1221 or AS1221", parse_asn};
const Kind method{"method", "a SIP method such as REGISTER", parse_method};
}  // namespace kinds

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> parse_switch(std::string_view text) {
  if (text == "on" || text == "yes" || text == "true") return true;
  if (text == "off" || text == "no" || text == "false") return false;
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::size_t unit_at = text.find_first_not_of("0123456789");
  if (unit_at == std::string_view::npos) return std::nullopt;
  const auto count = parse_number(text.substr(0, unit_at));
  const auto* unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.suffix == text.substr(unit_at); });
  if (!count || unit == units.end() || *count > static_cast<std::uint64_t>(INT64_MAX / unit->milliseconds)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*count) * unit->milliseconds);
}

Parsed expected(const Kind& kind, std::string_view text) {
  return Parsed::wrong(fmt::format("must be {}, got {}", kind.noun, in_quotes(text)));
}

std::string to_string(std::chrono::milliseconds duration) {
  const auto* unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return duration.count() % u.milliseconds == 0; });
  return fmt::format("{}{}", duration.count() / unit->milliseconds, unit->suffix);
}

}  // namespace postern::config
