#include "sbc/hidden_words.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

using std::string_view;
using Found = HiddenWords::Found;

constexpr std::size_t longest_ipv6 = 45;      // RFC 4291 §2.2, the last 32 bits written as IPv4
constexpr std::size_t longest_around_it = 8;  // ":", ":65535", "."
constexpr std::size_t longest_host = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_host_char(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_ipv6_char(char c) { return is_hex(c) || c == ':' || c == '.'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_whole_word(string_view text, std::size_t begin, std::size_t end, bool is_address) {
  const bool ipv6 = is_address && text.substr(begin, end - begin).find(':') != string_view::npos;
  const auto is_part = [&](char c) { return ipv6 ? is_hex(c) || c == ':' : is_address ? is_digit(c) : is_host_char(c) && c != '.'; };
  const string_view before = text.substr(0, begin);
  const string_view behind = text.substr(end);
  // Behind an escape (RFC 3986 §2.1) a word begins: "%4010.0.0.5" is "@10.0.0.5".
  const bool escape = begin >= 3 && before[begin - 3] == '%' && is_hex(before[begin - 2]) && is_hex(before[begin - 1]);
  if (!escape && !before.empty()) {
    if (is_part(before.back())) return false;
    if (before.back() == '.' && before.size() > 1 && is_part(before[before.size() - 2])) return false;
  }
  if (behind.empty()) return true;
  if (behind[0] == '.') return behind.size() == 1 || !is_part(behind[1]);
  return !is_part(behind[0]) || behind[0] == ':';  // a port
}

/// By its first dot or colon: addresses and nearly all names have one, and few other texts do. What stands behind that tells most of these
/// apart.
std::size_t find_by_mark(string_view text, string_view word, std::size_t mark, std::size_t from) {
  constexpr unsigned case_bit = 0x20;
  const std::size_t next = std::min(mark + 1, word.size() - 1);
  for (std::size_t at = text.find(word[mark], from + mark); at != string_view::npos; at = text.find(word[mark], at + 1)) {
    const std::size_t begin = at - mark;
    if (text.size() - begin < word.size()) break;
    if (((static_cast<unsigned>(text[begin + next]) ^ static_cast<unsigned>(word[next])) & ~case_bit) != 0) continue;
    if (sip::iequals(text.substr(begin, word.size()), word)) return begin;
  }
  return string_view::npos;
}

/// By its first two letters, which stand by chance less often than its first alone.
std::size_t find_without_case(string_view text, string_view word, std::size_t from) {
  if (word.empty() || word.size() > text.size()) return string_view::npos;
  for (const char sign : {'.', ':'}) {
    if (const std::size_t mark = word.find(sign); mark != string_view::npos) return find_by_mark(text, word, mark, from);
  }
  const auto case_bit = [](char c) { return is_letter(c) ? 0x20 : 0; };
  const int first_bit = case_bit(word[0]);
  const int first = word[0] | first_bit;
  const char behind_first = word.size() > 1 ? word[1] : word[0];
  const int second_bit = case_bit(behind_first);
  const int second = behind_first | second_bit;
  const std::size_t last = text.size() - word.size();
  for (std::size_t at = from; at <= last; ++at) {
    if ((text[at] | first_bit) != first) continue;
    if (word.size() > 1 && (text[at + 1] | second_bit) != second) continue;
    if (sip::iequals(text.substr(at, word.size()), word)) return at;
  }
  return string_view::npos;
}

string_view without_blanks_behind(string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// "pbx.lan:", "[2001:db8::5]:", but neither "sip:" (a user follows) nor "12:" (a time). Where the host begins, nullopt: it is none.
std::optional<std::size_t> host_before_colon(string_view text) {
  if (text.size() < 2 || text.back() != ':') return std::nullopt;
  text.remove_suffix(1);
  if (text.back() == ']') return std::min(text.rfind('['), text.size());
  std::size_t begin = text.size();
  while (begin > 0 && text.size() - begin < longest_host && is_host_char(text[begin - 1])) --begin;
  const string_view host = text.substr(begin);
  constexpr std::array schemes{string_view{"sip"}, string_view{"sips"}, string_view{"tel"}};
  if (std::ranges::any_of(schemes, [host](string_view scheme) { return sip::iequals(host, scheme); })) return std::nullopt;
  if (std::ranges::none_of(host, [](char c) { return is_letter(c) || c == '.'; })) return std::nullopt;
  return begin;
}

/// "port 15060", "rport=15060", "port: "15060".
bool ends_in_word_for_port(string_view text) {
  text = without_blanks_behind(text);
  for (const string_view sign : {string_view{"\"'"}, string_view{"=:"}}) {
    if (!text.empty() && sign.find(text.back()) != string_view::npos) text.remove_suffix(1);
    text = without_blanks_behind(text);
  }
  constexpr string_view longest = "rport";
  std::size_t begin = text.size();
  while (begin > 0 && text.size() - begin <= longest.size() && is_letter(text[begin - 1])) --begin;
  const string_view word = text.substr(begin);
  return sip::iequals(word, "port") || sip::iequals(word, longest);
}

Found find_port(string_view text, string_view digits, std::size_t from) {
  for (std::size_t at = from; (at = text.find(digits, at)) != string_view::npos; ++at) {
    const std::size_t end = at + digits.size();
    if (end < text.size() && is_digit(text[end])) continue;
    std::size_t begin = at;
    while (begin > from && text[begin - 1] == '0') --begin;
    if (begin > 0 && is_digit(text[begin - 1])) continue;
    const string_view before = text.substr(0, begin);
    const bool user = end < text.size() && text[end] == '@';  // of "sip:alice:15060@host"
    if (const auto host = begin > from && !user ? host_before_colon(before) : std::nullopt) {
      // "<pbx.lan:15060>" is a URI whose scheme needs something behind it.
      const bool scheme = *host == 0 || text[*host - 1] == '<';
      return scheme ? Found{begin, end, Found::Kind::port} : Found{begin - 1, end, Found::Kind::host_port};
    }
    if (ends_in_word_for_port(before)) return {begin, end, Found::Kind::port};
  }
  return {};
}

}  // namespace

std::size_t find_host(string_view text, string_view host, bool is_address, std::size_t from) {
  for (std::size_t at = from; (at = find_without_case(text, host, at)) != string_view::npos; ++at) {
    if (is_whole_word(text, at, at + host.size(), is_address)) return at;
  }
  return string_view::npos;
}

void HiddenWords::add_host(string_view host) {
  const auto address = acl::Address::parse(host);
  if (address) addresses_.push_back(*address);
  if (address && !address->is_v4()) {
    const bool known = std::ranges::any_of(words_, [](const Word& word) { return word.kind == Word::Kind::ipv6; });
    if (!known) words_.push_back({Word::Kind::ipv6, {}});
    return;
  }
  words_.push_back({address ? Word::Kind::ipv4 : Word::Kind::name, std::string(host)});
}

void HiddenWords::add_port(std::uint16_t port) {
  const std::string digits = std::to_string(port);
  const bool known = std::ranges::any_of(words_, [&](const Word& word) { return word.kind == Word::Kind::port && word.text == digits; });
  if (!known) words_.push_back({Word::Kind::port, digits});
}

bool HiddenWords::is_hidden_address(string_view text) const {
  const auto address = acl::Address::parse(text);
  return address && std::ranges::find(addresses_, *address) != addresses_.end();
}

// Whatever looks like an IPv6 address (letters of one, two colons or more) is read as one. What may stand around it: the colon of
// "at:2001:db8::5", the full stop of a sentence, a port without brackets.
Found HiddenWords::find_ipv6(string_view text, std::size_t from) const {
  for (std::size_t colon = from; (colon = text.find(':', colon)) != string_view::npos;) {
    std::size_t begin = colon;
    while (begin > from && is_ipv6_char(text[begin - 1])) --begin;
    std::size_t end = colon + 1;
    while (end < text.size() && is_ipv6_char(text[end])) ++end;
    colon = end;
    string_view word = text.substr(begin, end - begin);
    if (word.size() > longest_ipv6 + longest_around_it || std::ranges::count(word, ':') < 2) continue;
    if (word[0] == ':' && word[1] != ':') word.remove_prefix(1);
    while (word.back() == '.') word.remove_suffix(1);
    if (word.ends_with(':') && !word.ends_with("::")) word.remove_suffix(1);
    const std::size_t word_begin = static_cast<std::size_t>(word.data() - text.data());
    for (const std::size_t size : {word.size(), word.rfind(':')}) {
      if (is_hidden_address(word.substr(0, size))) return {word_begin, word_begin + std::min(size, word.size()), Found::Kind::host};
    }
  }
  return {};
}

Found HiddenWords::find(const Word& word, string_view text, std::size_t from) const {
  if (word.kind == Word::Kind::port) return find_port(text, word.text, from);
  if (word.kind == Word::Kind::ipv6) return find_ipv6(text, from);
  const std::size_t begin = find_host(text, word.text, word.kind == Word::Kind::ipv4, from);
  return {begin, begin + word.text.size(), Found::Kind::host};
}

bool HiddenWords::any_in(string_view text) const {
  return std::ranges::any_of(words_, [&](const Word& word) { return find(word, text, 0).begin != string_view::npos; });
}

HiddenWords::Finder::Finder(const HiddenWords& words, string_view text) : words_(words), text_(text) {
  places_.reserve(words.words_.size());
  for (const Word& word : words.words_) places_.push_back(words.find(word, text, 0));
}

std::optional<Found> HiddenWords::Finder::next(std::size_t from) {
  Found first;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    Found& place = places_[i];
    if (place.begin < from) place = words_.find(words_.words_[i], text_, from);
    if (place.begin < first.begin) first = place;
  }
  if (first.begin == string_view::npos) return std::nullopt;
  return first;
}

}  // namespace postern::sbc
