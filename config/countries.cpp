#include "config/countries.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace postern::config {
namespace {

constexpr std::string_view assigned =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP "
    "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY "
    "MZ "
    "NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW "
    "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ "
    "UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

}  // namespace

std::span<const std::string_view> country_words() {
  static const std::vector<std::string_view> words = [] {
    std::vector<std::string_view> all{"private", "unknown"};
    for (std::size_t i = 0; i < assigned.size(); i += 3) all.push_back(assigned.substr(i, 2));
    return all;
  }();
  return words;
}

bool is_assigned(acl::Country country) {
  const std::string word = country.to_string();
  const auto words = country_words();
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace postern::config
