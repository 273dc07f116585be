#include "sip/traits.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "sip/chars.hpp"
#include "sip/plain.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr string_view cookie = "z9hG4bK";  // RFC 3261 §8.1.1.7
constexpr std::size_t looked_at_of_a_body = 256;
constexpr std::size_t longest_text = 256;  // of what is looked through for SQL

// What tools write. Sources: EnableSecurity/sipvicious (svhelper.py, svmap.py, svwar.py, svcrack.py), Pepelux/sippts, rapid7's
// metasploit-framework (auxiliary/scanner/sip), nmap-service-probes, Emerging Threats (sids 2008526, 2008578, 2008598, 2008609, 2008610,
// 2011422, 2012204), paulseward/sip-hardening, Smartvox "How to spot hacker INVITE requests" (2016, 2017).
constexpr std::array<string_view, 5> tool_displays{"sipvicious", "sipsscuser", "ccxllrlflgig", "SIVuS_VoIP_Scanner", "pplsip"};
constexpr std::array<string_view, 4> tool_users{"sipvicious", "sivus", "sivus-discovery", "pplsip"};
constexpr std::array<string_view, 2> tool_hosts{"nm", "nm2"};                       // nmap: <sip:nm@nm>
constexpr std::array<string_view, 2> tool_addresses{"100@1.1.1.1", "123@1.1.1.1"};  // svmap, svcrack
constexpr std::array<string_view, 3> tool_tags{"3206210844", "70c00e8c", "root"};   // svcrack, Metasploit, nmap
constexpr std::array<string_view, 2> tool_sessions{"SIPPTS", "sipvicious"};
constexpr std::array<string_view, 9> guesses{"voipgw", "trunk", "user", "test", "tester", "admin", "8888888888", "smap", "0123456789"};
constexpr std::array<string_view, 4> guessed_displays{"Caller", "MAYET", "Simple SIP", "0123456789"};
constexpr std::array<string_view, 2> test_users{"sipsak", "sipp"};
constexpr std::array<string_view, 8> test_agents{"sipsak",           "sipp",     "gulp",   "test agent",
                                                 "custom sip phone", "fourcats", "dr.pes", "simplesip"};
// RFC 5737, RFC 2606, RFC 3261's own, and one that was nobody's when tools took it.
constexpr std::array<string_view, 4> sample_networks{"192.0.2.", "198.51.100.", "203.0.113.", "1.1.1.1"};
constexpr std::array<string_view, 7> sample_domains{"example.com", "example.net", "example.org",       "atlanta.com",
                                                    "biloxi.com",  "chicago.com", "bell-telephone.com"};

using enum HeaderName;
constexpr std::array order_of_sipvicious{via, max_forwards, to, from, user_agent, call_id, contact, cseq, accept, content_length};
constexpr std::array order_of_compact_sipvicious{via, to, from, call_id, contact, cseq, max_forwards, accept, content_length};
constexpr std::array order_of_older_sipvicious{via, content_length, from, accept, user_agent, to, contact, cseq, call_id, max_forwards};

template <std::size_t N>
bool is_one_of(string_view text, const std::array<string_view, N>& words) {
  return std::ranges::any_of(words, [text](string_view word) { return iequals(text, word); });
}

bool begins_so(string_view text, string_view word) { return text.size() >= word.size() && iequals(text.substr(0, word.size()), word); }

bool holds(string_view text, string_view word) {
  for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
    if (chars::lower(text[at]) == chars::lower(word[0]) && iequals(text.substr(at, word.size()), word)) return true;
  }
  return false;
}

bool is_number(string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && chars::all(text, chars::digit);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = chars::lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_hex(string_view text) {
  return std::ranges::all_of(text, [](char c) { return hex_digit(c) >= 0; });
}

/// svhelper.py, createTag(): the hex of what is scanned, 01 and a decimal number.
bool is_hex_of_text_and_number(string_view tag) {
  if (tag.size() < 6 || tag.size() % 2 != 0) return false;
  bool behind = false;
  std::size_t before_mark = 0;
  std::size_t digits = 0;
  for (std::size_t at = 0; at < tag.size(); at += 2) {
    const int high = hex_digit(tag[at]);
    const int low = hex_digit(tag[at + 1]);
    if (high < 0 || low < 0) return false;
    const int octet = high * 16 + low;
    if (octet == 1 && !behind) {
      behind = true;
    } else if (behind) {
      if (octet < '0' || octet > '9') return false;
      ++digits;
    } else {
      if (octet < ' ' || octet > '~') return false;
      ++before_mark;
    }
  }
  return before_mark > 0 && digits > 0 && digits <= 10;
}

bool is_sample(string_view host) {
  if (std::ranges::any_of(sample_networks, [host](string_view network) { return host.starts_with(network); })) return true;
  return std::ranges::any_of(sample_domains, [host](string_view domain) {
    if (host.size() < domain.size() || !iequals(host.substr(host.size() - domain.size()), domain)) return false;
    return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
  });
}

bool is_address(string_view host) {
  if (host.starts_with('[')) return true;
  return !host.empty() && std::ranges::all_of(host, [](char c) { return c == '.' || chars::is(c, chars::digit); });
}

/// A quote alone stands in people's names; with what ends a string or begins another it does not.
bool is_sql(string_view text) {
  text = text.substr(0, longest_text);
  std::size_t quote = text.find('\'');
  if (quote == string_view::npos) quote = text.find("%27");
  if (quote == string_view::npos) return false;
  const string_view behind = text.substr(text[quote] == '%' ? quote + 3 : quote + 1);
  if (behind.starts_with("--")) return true;
  const std::size_t equal = behind.find('=');
  if (equal != string_view::npos && equal > 0 && (chars::is(behind[equal - 1], chars::digit) || behind[equal - 1] == '\'')) return true;
  constexpr std::array<string_view, 5> company{"union ", "select ", "or'", "or '", "||"};
  return std::ranges::any_of(company, [behind](string_view word) { return holds(behind, word); });
}

string_view without_quotes(string_view display) {
  return display.size() >= 2 && display.front() == '"' && display.back() == '"' ? display.substr(1, display.size() - 2) : display;
}

struct Party {
  string_view display, user, host;
  bool bracketed = false;
};

/// `known`: how the prescreen has read it, where it has and it is plainly written; else of no host.
std::optional<Party> party_of(string_view value, plain::Address known) {
  if (!known.host.host.empty() || plain::read_address(value, known))
    return Party{without_quotes(chars::trim(value.substr(0, value.find('<')))), known.user, known.host.host, true};
  const auto element = NameAddrView::parse(value);
  const auto uri = element ? UriView::parse(element->uri) : std::nullopt;
  if (!uri) return std::nullopt;
  return Party{without_quotes(element->display), uri->user, uri->host, element->bracketed};
}

bool is_at(const Party& party, string_view user_at_host) {
  const std::size_t at = user_at_host.find('@');
  return party.user == user_at_host.substr(0, at) && party.host == user_at_host.substr(at + 1);
}

class Reader {
 public:
  explicit Reader(const RawMessage& request) : request_(request) {}

  Traits read() {
    headers();
    identifiers();
    set(Trait::no_from_tag, request_.from_tag.empty());
    set(Trait::no_user_agent, request_.user_agent.empty());
    const bool test_agent = std::ranges::any_of(test_agents, [&](string_view word) { return begins_so(request_.user_agent, word); });
    set(Trait::test_program, test_agent || is_one_of(request_.from_user, test_users));
    set(Trait::usual_guess, is_one_of(request_.from_user, guesses));
    set(Trait::sql, is_sql(request_.user_agent) || is_sql(request_.call_id) || is_sql(request_.request_user));
    set(Trait::no_offer, request_.method == Method::invite && request_.body().empty());
    session();
    const string_view host = request_.request_host.host;
    set(Trait::address_as_host, is_address(host));
    set(Trait::tool_name, request_.request_user.empty() && is_one_of(host, tool_hosts));
    return traits_;
  }

 private:
  void set(Trait trait, bool seen) {
    if (seen) traits_.set(trait);
  }

  void headers() {
    const HeaderLine* first_from = request_.find(from);
    const HeaderLine* first_to = request_.find(to);
    const HeaderLine* first_contact = request_.find(contact);
    const auto read = [this](const HeaderLine* header, const plain::Address& known) {
      const auto party = header == nullptr ? std::nullopt : party_of(request_.text(header->value), known);
      if (party) look_at(*party);
      return party;
    };
    const auto sender = read(first_from, {request_.from_user, request_.from_host, {}});
    const auto asked = read(first_to, {request_.to_user, request_.to_host, {}});
    const auto reached = read(first_contact, {});
    if (sender) set(Trait::usual_guess, is_one_of(sender->display, guessed_displays));
    if (reached) set(Trait::bare_contact, !reached->bracketed);
    const bool names_itself = sender && asked && !sender->user.empty() && sender->user == asked->user && iequals(sender->host, asked->host);
    set(Trait::to_itself, names_itself && request_.method != Method::register_);
    const bool needs_contact =
        request_.method == Method::invite || request_.method == Method::subscribe || request_.method == Method::refer;
    set(Trait::no_contact, needs_contact && first_contact == nullptr);
    set(Trait::no_max_forwards, request_.find(max_forwards) == nullptr);
    set(Trait::tool_order,
        begins_with(order_of_sipvicious) || begins_with(order_of_compact_sipvicious) || begins_with(order_of_older_sipvicious));
  }

  void look_at(const Party& party) {
    set(Trait::sql, is_sql(party.display) || is_sql(party.user));
    set(Trait::tool_name,
        is_one_of(party.display, tool_displays) || is_one_of(party.user, tool_users) || is_one_of(party.host, tool_hosts));
    set(Trait::tool_address, std::ranges::any_of(tool_addresses, [&](string_view address) { return is_at(party, address); }));
    set(Trait::sample_host, is_sample(party.host));
  }

  template <std::size_t N>
  [[nodiscard]] bool begins_with(const std::array<HeaderName, N>& order) const {
    const auto lines = request_.header_lines();
    return lines.size() >= N && std::ranges::equal(lines.first(N), order, {}, &HeaderLine::name);
  }

  void identifiers() {
    const string_view tag = request_.from_tag;
    const bool known = is_hex_of_text_and_number(tag) || is_one_of(tag, tool_tags);
    set(Trait::tool_tag, known);
    set(Trait::decimal_tag, !known && is_number(tag, 8, 10));
    set(Trait::decimal_call_id, is_number(request_.call_id, 5, 25));
    set(Trait::loopback_via, request_.top_via.host.starts_with("127."));
    const bool has_cookie = begins_so(request_.branch, cookie);
    set(Trait::no_cookie, !has_cookie);
    const string_view rest = has_cookie ? request_.branch.substr(cookie.size()) : request_.branch;
    // sippts: 71 small letters and digits.
    constexpr std::size_t length_of_sippts = 71;
    const bool small = std::ranges::all_of(rest, [](char c) { return (c >= 'a' && c <= 'z') || chars::is(c, chars::digit); });
    set(Trait::tool_branch, rest.size() == length_of_sippts && small);
    set(Trait::decimal_branch, rest.starts_with('-') && is_number(rest.substr(1), 6, 10));
    set(Trait::short_branch, rest.size() == 9 && rest[0] == '.' && is_hex(rest.substr(1)));
  }

  void session() {
    const string_view body = request_.body().substr(0, looked_at_of_a_body);
    const std::size_t at = body.find("\ns=");
    if (at == string_view::npos) return;
    const string_view name = body.substr(at + 3, body.find_first_of("\r\n", at + 3) - (at + 3));
    set(Trait::tool_session, is_one_of(name, tool_sessions));
  }

  const RawMessage& request_;
  Traits traits_;
};

}  // namespace

Traits traits_of(const RawMessage& request) { return Reader(request).read(); }

}  // namespace postern::sip
