#include "sbc/names.hpp"

#include <algorithm>
#include <cstring>

#include "sbc/base64url.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t max_shown = 256;  // local addresses of one host, times listeners and `advertise` networks
constexpr std::size_t min_token_letters = 24;

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

bool is_host_char(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// A hidden name counts only as a whole word: pbx.example is not in my-pbx.example.org. Of an address only digits make another one:
// 10.0.0.5 is not in 10.0.0.50, but in call-10.0.0.5-x.
bool is_whole_word(std::string_view text, std::size_t begin, std::size_t end, bool is_address) {
  const bool ipv6 = is_address && text.substr(begin, end - begin).find(':') != std::string_view::npos;
  const auto is_part = [&](char c) {
    return ipv6 ? is_hex(c) || c == ':' : is_address ? c >= '0' && c <= '9' : is_host_char(c) && c != '.';
  };
  const std::string_view before = text.substr(0, begin);
  const std::string_view behind = text.substr(end);
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

std::size_t find_without_case(std::string_view text, std::string_view word, std::size_t from) {
  if (word.empty()) return std::string_view::npos;
  const bool letter = (word[0] >= 'a' && word[0] <= 'z') || (word[0] >= 'A' && word[0] <= 'Z');
  const char first[] = {word[0], letter ? static_cast<char>(word[0] ^ 0x20) : word[0]};
  for (std::size_t at = from; at + word.size() <= text.size(); ++at) {
    at = letter ? text.find_first_of({first, sizeof first}, at) : text.find(word[0], at);
    if (at == std::string_view::npos || at + word.size() > text.size()) return std::string_view::npos;
    if (sip::iequals(text.substr(at, word.size()), word)) return at;
  }
  return std::string_view::npos;
}

PublicName make_name(std::string host, std::uint16_t port) {
  PublicName name{std::move(host), port, {}};
  name.host_port = name.port == 0 ? name.host : name.host + ":" + std::to_string(name.port);
  return name;
}

// Names without a port (a domain found by SRV) stay so; a name with brackets needed gets them.
PublicName make_name(const HostPort& shown) {
  const auto address = acl::Address::parse(shown.host);
  return make_name(address ? uri_host(*address) : shown.host, shown.port);
}

void cut_token(std::string& out) {
  if (out.empty() || out.back() != '@') return;
  const std::size_t end = out.size() - 1;
  std::size_t begin = end;
  while (begin > 0 && is_base64url(out[begin - 1])) --begin;
  if (end - begin < min_token_letters || begin == 0 || out[begin - 1] != '~') return;
  out.erase(begin - 1, end - begin + 1);
}

}  // namespace

Names::Names(const EngineOptions& options, Mac& mac)
    : listeners_(options.listeners),
      pbx_(options.pbx.addresses),
      bind_(*options.pbx.bind),
      public_domain_(options.pbx.public_domain.value_or("")) {
  if (!public_domain_.empty()) public_domain_name_ = make_name(public_domain_, 0);
  core_address_ = bind_.to_string();
  const Endpoint& first = pbx_.front();
  pbx_host_ = options.pbx.domain.value_or(uri_host(first.address));
  pbx_host_port_ = pbx_host_ + ":" + std::to_string(first.port);
  for (const Endpoint& address : pbx_) add_hidden(address.address.to_string(), mac);
  if (options.pbx.domain) add_hidden(*options.pbx.domain, mac);
  add_hidden(bind_.address.to_string(), mac);
}

void Names::add_hidden(std::string text, Mac& mac) {
  for (const Hidden& known : hidden_) {
    if (sip::iequals(known.text, text)) return;
  }
  const bool shown = sip::iequals(text, public_domain_);
  const std::array<std::string_view, 2> parts{"call-id marker", text};
  const Mac128 id = mac.of(parts);
  static constexpr char digits[] = "0123456789abcdef";
  std::string marker;
  for (int shift = 60; shift >= 0; shift -= 4) marker += digits[(id.high >> shift) & 15];
  const bool is_address = acl::Address::parse(text).has_value();
  hidden_.push_back({std::move(text), is_address, shown, "h-" + marker, "a-" + marker});
}

std::size_t Names::ShownHash::operator()(const ShownKey& key) const {
  std::uint64_t low = 0;
  std::memcpy(&low, key.local.bytes().data() + 8, sizeof low);
  return (low ^ (std::uint64_t{key.listener} << 56) ^ static_cast<std::uint64_t>(key.advertise)) * 0x9e3779b97f4a7c15U;
}

const PublicName& Names::address_for(const Flow& access) {
  const ListenerOptions& listener = listeners_[access.listener];
  ShownKey key{access.listener, access.local, -1};
  unsigned best = 0;
  for (std::size_t i = 0; i < listener.advertise_to.size(); ++i) {
    const acl::Network& network = listener.advertise_to[i].first;
    if (!network.contains(access.peer.address) || (key.advertise >= 0 && network.prefix_length() < best)) continue;
    key.advertise = static_cast<int>(i);
    best = network.prefix_length();
  }
  if (const auto known = shown_.find(key); known != shown_.end()) return known->second;
  if (shown_.size() >= max_shown) shown_.clear();
  HostPort shown{access.local.to_string(), listener.bind.port};
  if (key.advertise >= 0) {
    shown = listener.advertise_to[static_cast<std::size_t>(key.advertise)].second;
  } else if (listener.advertise) {
    shown = *listener.advertise;
  } else if (!listener.bind.address.is_unspecified()) {
    shown.host = listener.bind.address.to_string();
  }
  return shown_.emplace(key, make_name(shown)).first->second;
}

const PublicName& Names::domain_for(const Flow& access) { return public_domain_.empty() ? address_for(access) : public_domain_name_; }

bool Names::hides(std::string_view host) const {
  const std::string_view bare = without_brackets(host);
  for (const Hidden& hidden : hidden_) {
    if (sip::iequals(bare, hidden.text)) return true;
  }
  // Another spelling of an IPv6 address is the same address.
  if (bare.find(':') == std::string_view::npos) return false;
  const auto address = acl::Address::parse(bare);
  if (!address) return false;
  return std::ranges::any_of(hidden_, [&](const Hidden& hidden) { return acl::Address::parse(hidden.text) == address; });
}

bool Names::is_core_address(std::string_view host) const {
  const auto address = acl::Address::parse(without_brackets(host));
  return address && *address == bind_.address;
}

bool Names::shows(std::string_view host, const Flow& access) {
  if (!public_domain_.empty() && sip::iequals(host, public_domain_)) return true;
  return sip::iequals(host, address_for(access).host) || acl::Address::parse(without_brackets(host)) == access.local;
}

bool Names::is_hidden_port(std::uint16_t port) const {
  return port == bind_.port || std::ranges::any_of(pbx_, [port](const Endpoint& address) { return address.port == port; });
}

void Names::append_public(std::string& out, std::uint16_t port, std::string_view port_text, const Flow& access) {
  const PublicName& name = domain_for(access);
  if (port != 0 && is_hidden_port(port)) {
    out += name.host_port;
    return;
  }
  out += name.host;
  if (!port_text.empty()) out.append(":").append(port_text);
}

/// The next occurrence of one of several words, from left to right. Each word's next place is kept, so that no byte is looked at more than
/// once for each of them, however many occurrences there are.
class Names::Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  /// A host that is hidden.
  void add(const Hidden& hidden, std::string_view put) { words_.push_back({&hidden, {}, put, find_hidden(hidden, text_, 0)}); }
  /// Any other text.
  void add(const Hidden& hidden, std::string_view word, std::string_view put) { words_.push_back({&hidden, word, put, text_.find(word)}); }

  struct Found {
    std::size_t begin = std::string_view::npos;
    std::size_t end = 0;
    std::string_view put;
  };
  std::optional<Found> next(std::size_t from) {
    Found best;
    for (Word& word : words_) {
      if (word.at < from) word.at = word.text.empty() ? find_hidden(*word.hidden, text_, from) : text_.find(word.text, from);
      if (word.at >= best.begin) continue;
      best = {word.at, word.at + (word.text.empty() ? word.hidden->text.size() : word.text.size()), word.put};
    }
    if (best.begin == std::string_view::npos) return std::nullopt;
    return best;
  }

 private:
  struct Word {
    const Hidden* hidden;
    std::string_view text;  ///< empty: the hidden host
    std::string_view put;
    std::size_t at;
  };
  std::string_view text_;
  std::vector<Word> words_;
};

std::size_t Names::find_hidden(const Hidden& hidden, std::string_view text, std::size_t from) {
  for (std::size_t at = from; (at = find_without_case(text, hidden.text, at)) != std::string_view::npos; ++at) {
    if (is_whole_word(text, at, at + hidden.text.size(), hidden.is_address)) return at;
  }
  return std::string_view::npos;
}

bool Names::mentions_hidden(std::string_view text) const {
  return std::ranges::any_of(hidden_, [text](const Hidden& hidden) { return find_hidden(hidden, text, 0) != std::string_view::npos; });
}

void Names::append_hidden(std::string& out, std::string_view text, const Flow& access) {
  std::size_t done = 0;
  Finder finder(text);
  for (const Hidden& hidden : hidden_) finder.add(hidden, {});
  while (const auto match = finder.next(done)) {
    std::size_t begin = match->begin;
    std::size_t end = match->end;
    if (begin > done && text[begin - 1] == '[' && end < text.size() && text[end] == ']') {
      --begin;
      ++end;
    }
    out.append(text.substr(done, begin - done));
    cut_token(out);
    std::size_t port_end = end;
    std::uint32_t port = 0;
    if (end < text.size() && text[end] == ':') {
      for (port_end = end + 1; port_end < text.size() && port_end < end + 6 && text[port_end] >= '0' && text[port_end] <= '9'; ++port_end)
        port = port * 10 + static_cast<std::uint32_t>(text[port_end] - '0');
    }
    const bool has_port = port_end > end + 1 && port <= 65535;
    append_public(out, has_port ? static_cast<std::uint16_t>(port) : std::uint16_t{0},
                  has_port ? text.substr(end + 1, port_end - end - 1) : std::string_view{}, access);
    done = has_port ? port_end : end;
  }
  out.append(text.substr(done));
}

bool Names::append_marked(std::string& out, std::string_view call_id) const {
  return swap_markers(out, call_id, &Hidden::core_marker, &Hidden::access_marker);
}

bool Names::append_unmarked(std::string& out, std::string_view call_id) const {
  return swap_markers(out, call_id, &Hidden::access_marker, &Hidden::core_marker);
}

// Hosts become markers of the one kind, markers of the other become hosts, in one pass.
bool Names::swap_markers(std::string& out, std::string_view call_id, std::string Hidden::* put, std::string Hidden::* taken) const {
  std::size_t done = 0;
  Finder finder(call_id);
  for (const Hidden& hidden : hidden_) {
    if (!hidden.shown) finder.add(hidden, hidden.*put);
    finder.add(hidden, hidden.*taken, hidden.text);
  }
  while (const auto found = finder.next(done)) {
    out.append(call_id.substr(done, found->begin - done)).append(found->put);
    done = found->end;
  }
  if (done != 0) out.append(call_id.substr(done));
  return done != 0;
}

bool Names::append_unmarked_body(std::string& out, std::string_view body) const {
  std::size_t done = 0;
  Finder finder(body);
  for (const Hidden& hidden : hidden_) finder.add(hidden, hidden.core_marker, hidden.text);
  while (const auto found = finder.next(done)) {
    out.append(body.substr(done, found->begin - done)).append(found->put);
    done = found->end;
  }
  if (done != 0) out.append(body.substr(done));
  return done != 0;
}

}  // namespace postern::sbc
