#include "acl/calling_codes.hpp"

#include <algorithm>
#include <array>
#include <variant>

#include "acl/dial_pattern.hpp"

namespace postern::acl {
namespace {

struct Code {
  std::string_view digits;
  std::string_view word;
};

// What shares a country's code without one of its own is counted with it: Guernsey, Jersey and Man with GB, the Vatican's Italian numbers
// excepted. The longest code that a number begins with decides; in the order of their digits.
// clang-format off
constexpr std::array codes = std::to_array<Code>({
    {"1", "US/CA"}, {"1242", "BS"}, {"1246", "BB"}, {"1264", "AI"}, {"1268", "AG"}, {"1284", "VG"}, {"1340", "VI"}, {"1345", "KY"},
    {"1441", "BM"}, {"1473", "GD"}, {"1649", "TC"}, {"1658", "JM"}, {"1664", "MS"}, {"1670", "MP"}, {"1671", "GU"}, {"1684", "AS"},
    {"1721", "SX"}, {"1758", "LC"}, {"1767", "DM"}, {"1784", "VC"}, {"1787", "PR"}, {"1809", "DO"}, {"1829", "DO"}, {"1849", "DO"},
    {"1868", "TT"}, {"1869", "KN"}, {"1876", "JM"}, {"1939", "PR"}, {"20", "EG"}, {"211", "SS"}, {"212", "MA"}, {"213", "DZ"},
    {"216", "TN"}, {"218", "LY"}, {"220", "GM"}, {"221", "SN"}, {"222", "MR"}, {"223", "ML"}, {"224", "GN"}, {"225", "CI"}, {"226", "BF"},
    {"227", "NE"}, {"228", "TG"}, {"229", "BJ"}, {"230", "MU"}, {"231", "LR"}, {"232", "SL"}, {"233", "GH"}, {"234", "NG"}, {"235", "TD"},
    {"236", "CF"}, {"237", "CM"}, {"238", "CV"}, {"239", "ST"}, {"240", "GQ"}, {"241", "GA"}, {"242", "CG"}, {"243", "CD"}, {"244", "AO"},
    {"245", "GW"}, {"246", "IO"}, {"247", "SH"}, {"248", "SC"}, {"249", "SD"}, {"250", "RW"}, {"251", "ET"}, {"252", "SO"}, {"253", "DJ"},
    {"254", "KE"}, {"255", "TZ"}, {"256", "UG"}, {"257", "BI"}, {"258", "MZ"}, {"260", "ZM"}, {"261", "MG"}, {"262", "RE"},
    {"262269", "YT"}, {"262639", "YT"}, {"263", "ZW"}, {"264", "NA"}, {"265", "MW"}, {"266", "LS"}, {"267", "BW"}, {"268", "SZ"},
    {"269", "KM"}, {"27", "ZA"}, {"290", "SH"}, {"291", "ER"}, {"297", "AW"}, {"298", "FO"}, {"299", "GL"}, {"30", "GR"}, {"31", "NL"},
    {"32", "BE"}, {"33", "FR"}, {"34", "ES"}, {"350", "GI"}, {"351", "PT"}, {"352", "LU"}, {"353", "IE"}, {"354", "IS"}, {"355", "AL"},
    {"356", "MT"}, {"357", "CY"}, {"358", "FI"}, {"359", "BG"}, {"36", "HU"}, {"370", "LT"}, {"371", "LV"}, {"372", "EE"}, {"373", "MD"},
    {"374", "AM"}, {"375", "BY"}, {"376", "AD"}, {"377", "MC"}, {"378", "SM"}, {"379", "VA"}, {"380", "UA"}, {"381", "RS"}, {"382", "ME"},
    {"383", "XK"}, {"385", "HR"}, {"386", "SI"}, {"387", "BA"}, {"389", "MK"}, {"39", "IT"}, {"3906698", "VA"}, {"40", "RO"},
    {"41", "CH"}, {"420", "CZ"}, {"421", "SK"}, {"423", "LI"}, {"43", "AT"}, {"44", "GB"}, {"45", "DK"}, {"46", "SE"}, {"47", "NO"},
    {"48", "PL"}, {"49", "DE"}, {"500", "FK"}, {"501", "BZ"}, {"502", "GT"}, {"503", "SV"}, {"504", "HN"}, {"505", "NI"}, {"506", "CR"},
    {"507", "PA"}, {"508", "PM"}, {"509", "HT"}, {"51", "PE"}, {"52", "MX"}, {"53", "CU"}, {"54", "AR"}, {"55", "BR"}, {"56", "CL"},
    {"57", "CO"}, {"58", "VE"}, {"590", "GP"}, {"591", "BO"}, {"592", "GY"}, {"593", "EC"}, {"594", "GF"}, {"595", "PY"}, {"596", "MQ"},
    {"597", "SR"}, {"598", "UY"}, {"5993", "BQ"}, {"5994", "BQ"}, {"5997", "BQ"}, {"5999", "CW"}, {"60", "MY"}, {"61", "AU"},
    {"62", "ID"}, {"63", "PH"}, {"64", "NZ"}, {"65", "SG"}, {"66", "TH"}, {"670", "TL"}, {"6721", "AQ"}, {"6723", "NF"}, {"673", "BN"},
    {"674", "NR"}, {"675", "PG"}, {"676", "TO"}, {"677", "SB"}, {"678", "VU"}, {"679", "FJ"}, {"680", "PW"}, {"681", "WF"}, {"682", "CK"},
    {"683", "NU"}, {"685", "WS"}, {"686", "KI"}, {"687", "NC"}, {"688", "TV"}, {"689", "PF"}, {"690", "TK"}, {"691", "FM"}, {"692", "MH"},
    {"7", "RU"}, {"76", "KZ"}, {"77", "KZ"}, {"800", "freephone"}, {"808", "shared_cost"}, {"81", "JP"}, {"82", "KR"}, {"84", "VN"},
    {"850", "KP"}, {"852", "HK"}, {"853", "MO"}, {"855", "KH"}, {"856", "LA"}, {"86", "CN"}, {"870", "satellite"},
    {"878", "personal_numbers"}, {"880", "BD"}, {"881", "satellite"}, {"882", "international_networks"},
    {"883", "international_networks"}, {"886", "TW"}, {"90", "TR"}, {"91", "IN"}, {"92", "PK"}, {"93", "AF"}, {"94", "LK"}, {"95", "MM"},
    {"960", "MV"}, {"961", "LB"}, {"962", "JO"}, {"963", "SY"}, {"964", "IQ"}, {"965", "KW"}, {"966", "SA"}, {"967", "YE"}, {"968", "OM"},
    {"970", "PS"}, {"971", "AE"}, {"972", "IL"}, {"973", "BH"}, {"974", "QA"}, {"975", "BT"}, {"976", "MN"}, {"977", "NP"},
    {"979", "premium"}, {"98", "IR"}, {"992", "TJ"}, {"993", "TM"}, {"994", "AZ"}, {"995", "GE"}, {"996", "KG"}, {"998", "UZ"},
});
// clang-format on

constexpr std::size_t longest_code = 7;
// Of any country's the shortest have so many digits with their code (Niue's); fewer are extensions that begin with 00.
constexpr std::size_t shortest_number = 7;

static_assert(codes.size() < CallingPlace::most);
static_assert(std::ranges::is_sorted(codes, {}, &Code::digits));
static_assert(std::ranges::all_of(codes, [](const Code& code) { return !code.digits.empty() && code.digits.size() <= longest_code; }));

/// International prefixes of the countries where it is not 00: North America, Japan, Cuba, Russia and its neighbours.
constexpr std::array<std::string_view, 4> other_prefixes = {"011", "010", "119", "810"};

/// The digits that the pattern takes any number behind, as `011` of `011.`; empty: it is none of that kind.
std::string all_behind(const std::string& pattern) {
  const auto parsed = DialPattern::parse(pattern);
  const auto* read = std::get_if<DialPattern>(&parsed);
  if (read == nullptr || read->end() == DialPattern::End::nothing) return {};
  std::string digits;
  for (const DialSet& place : read->places()) {
    if (place.size() != 1) return {};
    digits += place.lowest();
  }
  return digits;
}

bool is_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<CallingPlace> CallingPlace::of(std::string_view number) {
  constexpr std::string_view international = "00";
  constexpr std::string_view australian = "0011";  // no code: no area code of North America begins with 1
  for (const std::string_view prefix : {australian, international})
    if (number.starts_with(prefix)) return of_global(number.substr(prefix.size()));
  return std::nullopt;
}

std::optional<CallingPlace> CallingPlace::of_global(std::string_view number) {
  if (number.size() < shortest_number || !is_digits(number)) return std::nullopt;
  for (std::size_t length = longest_code; length > 0; --length) {
    const auto found = std::ranges::lower_bound(codes, number.substr(0, length), {}, &Code::digits);
    if (found != codes.end() && found->digits == number.substr(0, length)) return named(found->word);
  }
  return std::nullopt;
}

std::optional<CallingPlace> CallingPlace::named(std::string_view word) {
  const auto first = std::ranges::find(codes, word, &Code::word);
  if (first == codes.end()) return std::nullopt;
  return CallingPlace(static_cast<std::uint16_t>(first - codes.begin()));
}

std::string_view CallingPlace::word() const { return codes.at(index_).word; }

CallingPlaces::CallingPlaces(const PolicyOptions& options) : outside_(options.emergency_prefixes) {
  if (!options.calls) return;
  std::vector<std::string> named;
  for (const DialClassOptions& each : options.calls->classes) {
    std::vector<std::string> beginnings;
    beginnings.reserve(each.patterns.size());
    for (const std::string& pattern : each.patterns) beginnings.push_back(all_behind(pattern));
    if (std::ranges::find(beginnings, "00") == beginnings.end()) continue;
    for (const std::string_view prefix : other_prefixes)
      if (std::ranges::find(beginnings, prefix) != beginnings.end()) named.emplace_back(prefix);
  }
  std::ranges::sort(named);
  named.erase(std::ranges::unique(named).begin(), named.end());
  if (named.size() == 1) abroad_ = named.front();
}

std::optional<CallingPlace> CallingPlaces::behind_prefix(std::string_view number) const {
  if (const auto place = CallingPlace::of(number)) return place;
  return !abroad_.empty() && number.starts_with(abroad_) ? CallingPlace::of_global(number.substr(abroad_.size())) : std::nullopt;
}

std::optional<CallingPlace> CallingPlaces::of(std::string_view number) const {
  if (const auto place = behind_prefix(number)) return place;
  for (const std::string& digits : outside_) {
    if (!number.starts_with(digits)) continue;
    if (const auto place = behind_prefix(number.substr(digits.size()))) return place;
  }
  return std::nullopt;
}

}  // namespace postern::acl
