// The countries. Calling codes are those of ITU-T E.164 (list of assigned country codes), international and trunk prefixes those of the
// ITU's "Dialling procedures" (Operational Bulletin 994), numbers those of the national numbering plans that the ITU lists under E.129 (for
// +1: nationalnanpa.com), emergency numbers the national ones, 112 where mobile networks and the EU (directive 2018/1972) have it.
// tests/integration/init_test.py holds them to an independent list.
//
// - First digits decide; the length stands only where it tells one kind from another, so that a number that is a digit longer than thought
//   is not refused. A number within the country that begins with 1 and is longer than an extension stands there where it is one, by its
//   length: codes of other carriers begin so, behind which any country can be dialled.
// - Where a number begins with the trunk prefix and the digits of another international prefix (Israel's 012, Indonesia's 01017), that
//   prefix is named in `abroad`: its pattern is the more specific.
#include "sbc/commands/dial_plans.hpp"

namespace postern::commands {
namespace {

constexpr std::string_view emergency_of_america = "911 112";
constexpr std::string_view any_area_code = "NXXNXXXXXX";
constexpr std::string_view premium_of_america = "900NXXXXXX NXX976XXXX";

/// Area codes under +1 that look national in the United States and Canada and are not: where calls of a stolen account often go.
constexpr std::string_view islands =
    "24[26]NXXXXXX 26[48]NXXXXXX 284NXXXXXX 345NXXXXXX 441NXXXXXX 473NXXXXXX 649NXXXXXX 658NXXXXXX 664NXXXXXX 721NXXXXXX 758NXXXXXX "
    "767NXXXXXX 784NXXXXXX 8[024]9NXXXXXX 86[89]NXXXXXX 876NXXXXXX";

/// Of the United States and its territories, and of Canada.
constexpr DialPlan america(std::string_view country, std::string_view name) {
  return {.country = country,
          .name = name,
          .code = "1",
          .abroad = "011",
          .trunk = "1",
          .trunk_optional = true,
          .emergency = emergency_of_america,
          .national = any_area_code,
          .dialled = "NXXXXXX",
          .premium = premium_of_america,
          .elsewhere = islands};
}

constexpr std::string_view local_and_free = "NXXXXXX 1800NXXXXXX 1833NXXXXXX 1844NXXXXXX 1855NXXXXXX 1866NXXXXXX 1877NXXXXXX 1888NXXXXXX";

/// Of a country of its own under +1: `own` are its area codes' numbers, all others are abroad but the free ones.
constexpr DialPlan island(std::string_view country, std::string_view name, std::string_view emergency, std::string_view own) {
  return {.country = country,
          .name = name,
          .code = "1",
          .abroad = "011",
          .trunk = "1",
          .trunk_optional = true,
          .emergency = emergency,
          .national = own,
          .dialled = local_and_free,
          .premium = premium_of_america,
          .elsewhere = any_area_code};
}

// clang-format off: one country, one row
constexpr DialPlan countries[] = {
  island("AI", "Anguilla", "911", "264NXXXXXX"),
  island("AG", "Antigua and Barbuda", "911 999", "268NXXXXXX"),
  {.country = "AR", .name = "Argentina", .code = "54", .abroad = "00", .trunk = "0", .emergency = "911 100 101 107",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 15XXXXXX 15XXXXXXX 15XXXXXXXX", .premium = "60."},
  {.country = "AU", .name = "Australia", .code = "61", .abroad = "0011", .trunk = "0", .emergency = "000 112 106",
   .national = "Z.", .dialled = "NXXXXXXX 13XXXX 1300XXXXXX 180XXXX 1800XXXXXX", .premium = "19."},
  {.country = "AT", .name = "Austria", .code = "43", .abroad = "00", .trunk = "0", .emergency = "112 122 133 144 140 141",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "9[03]. 8[69]."},
  island("BS", "Bahamas", "911 919", "242NXXXXXX"),
  island("BB", "Barbados", "911 211 311 511", "246NXXXXXX"),
  {.country = "BE", .name = "Belgium", .code = "32", .abroad = "00", .trunk = "0", .emergency = "112 100 101",
   .national = "Z.", .dialled = "116XXX", .premium = "90. 70."},
  {.country = "BZ", .name = "Belize", .code = "501", .abroad = "00", .emergency = "911 90 990",
   .national = "[2-8]XXXXXX", .dialled = "0800XXXXXXX"},
  island("BM", "Bermuda", "911 112", "441NXXXXXX"),
  {.country = "BO", .name = "Bolivia", .code = "591", .abroad = "00", .trunk = "0", .emergency = "110 118 119",
   .national = "Z.", .dialled = "NXXXXXX NXXXXXXX 800XXXXXX"},
  {.country = "BR", .name = "Brazil", .code = "55", .abroad = "00", .trunk = "0", .emergency = "190 192 193 191 199 112 128 911",
   .national = "Z.", .dialled = "NXXXXXXX 9XXXXXXXX ZZXXXXXXXX ZZ9XXXXXXXX", .premium = "[359]00."},
  {.country = "BG", .name = "Bulgaria", .code = "359", .abroad = "00", .trunk = "0", .emergency = "112 150 160 166",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "90."},
  america("CA", "Canada"),
  island("KY", "Cayman Islands", "911", "345NXXXXXX"),
  {.country = "CL", .name = "Chile", .code = "56", .abroad = "00", .emergency = "133 131 132 911",
   .national = "NXXXXXXXX 600XXXXXXX!", .premium = "700XXXXXX!"},
  {.country = "CO", .name = "Colombia", .code = "57", .abroad = "00 00[579]", .trunk = "0", .trunk_optional = true,
   .emergency = "123 112 119 132 156", .national = "[369]XXXXXXXXX 1800XXXXXXX", .dialled = "033XXXXXXXXX",
   .premium = "901XXXXXXX 19XXXXXXXXX"},
  {.country = "CR", .name = "Costa Rica", .code = "506", .abroad = "00", .emergency = "911 112",
   .national = "[2-8]XXXXXXX 800XXXXXXX", .premium = "90XXXXXXXX"},
  {.country = "HR", .name = "Croatia", .code = "385", .abroad = "00", .trunk = "0", .emergency = "112 192 193 194 93 94",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "6[01459]."},
  {.country = "CY", .name = "Cyprus", .code = "357", .abroad = "00", .emergency = "112 199",
   .national = "NXXXXXXX", .dialled = "116XXX", .premium = "90XXXXXX"},
  {.country = "CZ", .name = "Czechia", .code = "420", .abroad = "00", .emergency = "112 150 155 156 158",
   .national = "NXXXXXXXX!", .dialled = "116XXX", .premium = "90XXXXXXX 976XXXXXX"},
  {.country = "DK", .name = "Denmark", .code = "45", .abroad = "00", .emergency = "112 114",
   .national = "NXXXXXXX", .dialled = "116XXX", .premium = "90XXXXXX"},
  island("DM", "Dominica", "999 911 333", "767NXXXXXX"),
  island("DO", "Dominican Republic", "911 112", "8[024]9NXXXXXX"),
  {.country = "EC", .name = "Ecuador", .code = "593", .abroad = "00", .trunk = "0", .emergency = "911 112 101 102",
   .national = "Z.", .dialled = "NXXXXXX NXXXXXXX 1[78]00XXXXXX!", .premium = "19."},
  {.country = "EG", .name = "Egypt", .code = "20", .abroad = "00", .trunk = "0", .emergency = "122 123 180",
   .national = "Z.", .dialled = "NXXXXX NXXXXXX NXXXXXXX 1XXXX", .premium = "900."},
  {.country = "SV", .name = "El Salvador", .code = "503", .abroad = "00", .emergency = "911 913",
   .national = "[267]XXXXXXX 80[01]XXXX!", .premium = "900XXXX!"},
  {.country = "EE", .name = "Estonia", .code = "372", .abroad = "00", .emergency = "112 110",
   .national = "[3-9]XXXXXX!", .dialled = "116XXX", .premium = "900XXXX! 40XXXXXX"},
  {.country = "FI", .name = "Finland", .code = "358", .abroad = "00 99[0-5]", .trunk = "0", .emergency = "112",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "[67]00."},
  {.country = "FR", .name = "France", .code = "33", .abroad = "00", .trunk = "0", .emergency = "112 15 17 18 114",
   .national = "Z.", .dialled = "116XXX", .premium = "8Z."},
  {.country = "DE", .name = "Germany", .code = "49", .abroad = "00", .trunk = "0", .emergency = "112 110",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "900. 137. 138. 10. 12."},
  {.country = "GR", .name = "Greece", .code = "30", .abroad = "00", .emergency = "112 100 166 199",
   .national = "NXXXXXXXXX!", .dialled = "116XXX", .premium = "90[19]XXXXXXX"},
  island("GD", "Grenada", "911", "473NXXXXXX"),
  america("GU", "Guam"),
  {.country = "GT", .name = "Guatemala", .code = "502", .abroad = "00", .emergency = "110 120 122 123",
   .national = "[2-8]XXXXXXX 18XXXXXXXXX", .premium = "19XXXXXXXXX"},
  {.country = "HT", .name = "Haiti", .code = "509", .abroad = "00", .emergency = "114 118", .national = "NXXXXXXX"},
  {.country = "HN", .name = "Honduras", .code = "504", .abroad = "00", .emergency = "911 199",
   .national = "[23789]XXXXXXX 8002XXXXXXX"},
  {.country = "HK", .name = "Hong Kong", .code = "852", .abroad = "00 00X", .emergency = "999 112 992",
   .national = "NXXXXXXX 800XXXXXX", .premium = "900XXXXXXXX 9003X!"},
  {.country = "HU", .name = "Hungary", .code = "36", .abroad = "00", .trunk = "06", .emergency = "112 104 105 107",
   .national = "Z.", .dialled = "NXXXXX NXXXXXX 116XXX", .premium = "9[01]."},
  {.country = "IS", .name = "Iceland", .code = "354", .abroad = "00", .emergency = "112",
   .national = "[3-8]XXXXXX!", .dialled = "116XXX", .premium = "90XXXXX"},
  {.country = "IN", .name = "India", .code = "91", .abroad = "00", .trunk = "0",
   .emergency = "112 100 101 102 108 1298 2611", .national = "Z.",
   .dialled = "NXXXXX NXXXXXX NXXXXXXX [6-9]XXXXXXXXX 1800XXXXXX 1800XXXXXXX 1860XXXXXXX", .premium = "186[12]."},
  {.country = "ID", .name = "Indonesia", .code = "62", .abroad = "00 00[1789] 010", .trunk = "0", .emergency = "112 110 113 118 119",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 1500XXX", .premium = "809."},
  {.country = "IE", .name = "Ireland", .code = "353", .abroad = "00", .trunk = "0", .emergency = "112 999",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX 18[059]0XXXXXX 116XXX", .premium = "15XXXXXXXX"},
  {.country = "IL", .name = "Israel", .code = "972", .abroad = "00 01[2-9]", .trunk = "0", .emergency = "100 101 102 112",
   .national = "Z.", .dialled = "1255XXX 1599XXXXXX 1700XXXXXX 180[019]XXXXXX", .premium = "1212XXXX 1200XXXXXX 19XXXXXXXX"},
  {.country = "IT", .name = "Italy", .code = "39", .abroad = "00", .emergency = "112 113 115 118 114 117",
   .national = "0Z. 3XXXXXXXX! 55XXXXXXXX 80XXXX! 84XXXX!", .dialled = "116XXX", .premium = "0878. 89XXXX!"},
  island("JM", "Jamaica", "119 110 112 911", "658NXXXXXX 876NXXXXXX"),
  {.country = "JP", .name = "Japan", .code = "81", .abroad = "010 00", .trunk = "0", .emergency = "110 119 118",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX", .premium = "990."},
  {.country = "KE", .name = "Kenya", .code = "254", .abroad = "000", .trunk = "0", .emergency = "999 112 114",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX", .premium = "900."},
  {.country = "LV", .name = "Latvia", .code = "371", .abroad = "00", .emergency = "112 110 113 01 02 03",
   .national = "NXXXXXXX", .dialled = "116XXX", .premium = "90XXXXXX"},
  {.country = "LU", .name = "Luxembourg", .code = "352", .abroad = "00", .emergency = "112 113",
   .national = "NXXXX!", .dialled = "116XXX", .premium = "90[015]XXXXX"},
  {.country = "MY", .name = "Malaysia", .code = "60", .abroad = "00", .trunk = "0", .emergency = "999 112",
   .national = "Z.", .dialled = "NXXXXX NXXXXXX NXXXXXXX 1[378]00XXXXXX", .premium = "1600XXXXXX"},
  {.country = "MT", .name = "Malta", .code = "356", .abroad = "00", .emergency = "112",
   .national = "NXXXXXXX", .dialled = "116XXX", .premium = "500XXXXX 50[679]XXXXX 5[12]XXXXXX"},
  {.country = "MX", .name = "Mexico", .code = "52", .abroad = "00 09", .emergency = "911 060 065 066 068 080",
   .national = "NXXXXXXXXX", .dialled = "01NXXXXXXXXX 04[45]NXXXXXXXXX 00521NXXXXXXXXX", .premium = "900XXXXXXX"},
  island("MS", "Montserrat", "911 999", "664NXXXXXX"),
  {.country = "MA", .name = "Morocco", .code = "212", .abroad = "00", .trunk = "0", .emergency = "19 15 177 112",
   .national = "Z.", .premium = "89."},
  {.country = "NL", .name = "Netherlands", .code = "31", .abroad = "00", .trunk = "0", .emergency = "112 911",
   .national = "Z.", .dialled = "NXXXXX NXXXXXX 14XXX 14XXXX 116XXX", .premium = "90."},
  {.country = "NZ", .name = "New Zealand", .code = "64", .abroad = "00 0161", .trunk = "0", .emergency = "111 112",
   .national = "Z.", .dialled = "NXXXXXX", .premium = "90."},
  {.country = "NI", .name = "Nicaragua", .code = "505", .abroad = "00", .emergency = "118 115 120 128",
   .national = "[2-8]XXXXXXX 1800XXXX"},
  {.country = "NG", .name = "Nigeria", .code = "234", .abroad = "009", .trunk = "0", .emergency = "112 199",
   .national = "Z.", .dialled = "NXXXXX NXXXXXX NXXXXXXX"},
  {.country = "NO", .name = "Norway", .code = "47", .abroad = "00", .emergency = "112 110 113",
   .national = "NXXXXXXX", .dialled = "0ZXXX 116XXX", .premium = "82XXXXXX"},
  {.country = "PA", .name = "Panama", .code = "507", .abroad = "00", .emergency = "911 103 104",
   .national = "ZXXXXXX NXXXXXXX 800XXXX!", .premium = "8[2-8][025678]XXXX 900XXXX 981XXXX"},
  {.country = "PY", .name = "Paraguay", .code = "595", .abroad = "00", .trunk = "0", .emergency = "911 128",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 9800XXXXX!"},
  {.country = "PE", .name = "Peru", .code = "51", .abroad = "00", .trunk = "0", .emergency = "105 116 117",
   .national = "Z.", .dialled = "NXXXXX NXXXXXX 9XXXXXXXX", .premium = "805."},
  {.country = "PH", .name = "Philippines", .code = "63", .abroad = "00", .trunk = "0", .emergency = "911 112 117",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 1800XXXXXXX 1800XXXXXXXX 1800XXXXXXXXX"},
  {.country = "PL", .name = "Poland", .code = "48", .abroad = "00", .emergency = "112 997 998 999",
   .national = "ZXXXXXXXX 800XXXXXXX", .dialled = "116XXX", .premium = "70XXXXXXX"},
  {.country = "PT", .name = "Portugal", .code = "351", .abroad = "00", .emergency = "112 115 117",
   .national = "NXXXXXXXX", .dialled = "116XXX", .premium = "60[178]XXXXXX 64[68]XXXXXX 76XXXXXXX"},
  america("PR", "Puerto Rico"),
  {.country = "RO", .name = "Romania", .code = "40", .abroad = "00", .trunk = "0", .emergency = "112",
   .national = "Z.", .dialled = "116XXX", .premium = "90."},
  island("KN", "Saint Kitts and Nevis", "911 999 333", "869NXXXXXX"),
  island("LC", "Saint Lucia", "911 999", "758NXXXXXX"),
  island("VC", "Saint Vincent and the Grenadines", "911 999", "784NXXXXXX"),
  {.country = "SA", .name = "Saudi Arabia", .code = "966", .abroad = "00", .trunk = "0", .emergency = "911 112 997 999",
   .national = "Z.", .dialled = "NXXXXXX 920XXXXXX 8[01][01]XXXXXXX", .premium = "925."},
  {.country = "RS", .name = "Serbia", .code = "381", .abroad = "00", .trunk = "0", .emergency = "112 192 193 194 92 93 94",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "78. 90."},
  {.country = "SG", .name = "Singapore", .code = "65", .abroad = "0[0-3]X", .emergency = "999 995 993 112 911",
   .national = "NXXXXXXX 1800XXXXXXX 800XXXXXXX 7000XXXXXXX", .premium = "1900XXXXXXX"},
  island("SX", "Sint Maarten", "911 919", "721NXXXXXX"),
  {.country = "SK", .name = "Slovakia", .code = "421", .abroad = "00", .trunk = "0", .emergency = "112 150 155 158",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "900. 97. 98."},
  {.country = "SI", .name = "Slovenia", .code = "386", .abroad = "00", .trunk = "0", .emergency = "112 113",
   .national = "Z.", .dialled = "NXXXXXX 116XXX", .premium = "89[1-3]. 90."},
  {.country = "ZA", .name = "South Africa", .code = "27", .abroad = "00", .trunk = "0", .emergency = "112 10111 10177",
   .national = "Z.", .premium = "9[0-2]. 86[2-9]."},
  {.country = "KR", .name = "South Korea", .code = "82", .abroad = "00 00X", .trunk = "0", .emergency = "112 119",
   .national = "Z.", .dialled = "NXXXXXX NXXXXXXX 1[568]XXXXXX", .premium = "60."},
  {.country = "ES", .name = "Spain", .code = "34", .abroad = "00", .emergency = "112 091 092 062 061 080 085 088",
   .national = "[5-9]XXXXXXXX", .dialled = "116XXX", .premium = "80[367]XXXXXX 90[57]XXXXXX"},
  {.country = "SE", .name = "Sweden", .code = "46", .abroad = "00", .trunk = "0", .emergency = "112 90000",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "900. 939. 944. 99. 649."},
  {.country = "CH", .name = "Switzerland", .code = "41", .abroad = "00", .trunk = "0", .emergency = "112 117 118 144 145 1414",
   .national = "Z.", .dialled = "116XXX", .premium = "90."},
  {.country = "TH", .name = "Thailand", .code = "66", .abroad = "00 00[1-9]", .trunk = "0", .emergency = "191 199 1669",
   .national = "Z.", .dialled = "1800XXXXXX", .premium = "1900XXXXXX"},
  island("TT", "Trinidad and Tobago", "999 990 811", "868NXXXXXX"),
  {.country = "TR", .name = "Turkey", .code = "90", .abroad = "00", .trunk = "0", .emergency = "112 110 155 156",
   .national = "Z.", .dialled = "NXXXXXX", .premium = "900. 8[89]8."},
  island("TC", "Turks and Caicos Islands", "911 999", "649NXXXXXX"),
  {.country = "UA", .name = "Ukraine", .code = "380", .abroad = "00", .trunk = "0", .emergency = "112 101 102 103",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX", .premium = "900."},
  {.country = "AE", .name = "United Arab Emirates", .code = "971", .abroad = "00", .trunk = "0", .emergency = "999 112 997 998",
   .national = "Z.", .dialled = "NXXXXXX 800XX! 600XXXXXX", .premium = "900."},
  {.country = "GB", .name = "United Kingdom", .code = "44", .abroad = "00", .trunk = "0", .emergency = "999 112",
   .national = "Z.", .dialled = "NXXXX NXXXXX NXXXXXX NXXXXXXX 116XXX", .premium = "9. 84[2-5]. 87[0-3]. 70. 76."},
  america("US", "United States"),
  america("VI", "United States Virgin Islands"),
  {.country = "UY", .name = "Uruguay", .code = "598", .abroad = "00 01[3-9]X", .trunk = "0", .emergency = "911 128",
   .national = "Z.", .dialled = "NXXXXXXX", .premium = "90[0-8]."},
  {.country = "VE", .name = "Venezuela", .code = "58", .abroad = "00", .trunk = "0", .emergency = "911 171 112",
   .national = "Z.", .dialled = "NXXXXXX", .premium = "90."},
  {.country = "VN", .name = "Vietnam", .code = "84", .abroad = "00", .trunk = "0", .emergency = "113 114 115 112",
   .national = "Z.", .dialled = "1800XXXX 1800XXXXXX", .premium = "1900XXXX 1900XXXXXX"},
  island("VG", "Virgin Islands, British", "911 999", "284NXXXXXX"),
};
// clang-format on

}  // namespace

std::span<const DialPlan> dial_plans() { return countries; }

}  // namespace postern::commands
