#include "sbc/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "sbc/base64url.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t max_shown = 256;  // local addresses of one host, times listeners and `advertise` networks
constexpr std::size_t min_token_letters = 24;
constexpr std::size_t most_former = 32;
constexpr std::uint16_t usual_port = 5060;

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

PublicName make_name(std::string host, std::uint16_t port) {
  PublicName name{std::move(host), port, {}, {}};
  name.host_port = name.port == 0 ? name.host : name.host + ":" + std::to_string(name.port);
  name.address = acl::Address::parse(without_brackets(name.host));
  return name;
}

// Names without a port (a domain found by SRV) stay so; a name with brackets needed gets them.
PublicName make_name(const HostPort& shown) {
  const auto address = acl::Address::parse(shown.host);
  return make_name(address ? uri_host(*address) : shown.host, shown.port);
}

// "1001~TOKEN@" or "1001~TOKEN%40" at the end of out becomes "1001@".
void cut_token(std::string& out) {
  const std::string_view sign = out.ends_with('@') ? "@" : out.ends_with("%40") ? "%40" : "";
  const std::size_t end = out.size() - sign.size();
  std::size_t begin = end;
  while (begin > 0 && is_base64url(out[begin - 1])) --begin;
  if (sign.empty() || end - begin < min_token_letters || begin == 0 || out[begin - 1] != '~') return;
  out.erase(begin - 1, end - begin + 1);
}

// In the place of an escaped text escapes stand: a colon in a user would end it.
void append_as(bool escaped, std::string& out, std::string_view text) {
  for (const char c : text) {
    if (escaped && c == ':') {
      out += "%3A";
    } else if (escaped && c == '[') {
      out += "%5B";
    } else if (escaped && c == ']') {
      out += "%5D";
    } else {
      out += c;
    }
  }
}

struct PortBehind {
  std::uint16_t port = 0;
  std::size_t end = 0;
};

// The port of a host that ends at `at`: ":15060", ":015060", " : 15060" (folds are white space).
std::optional<PortBehind> port_behind(std::string_view text, std::size_t at) {
  const auto blanks = [text](std::size_t from) { return std::min(text.find_first_not_of(" \t\r\n", from), text.size()); };
  at = blanks(at);
  if (at == text.size() || text[at] != ':') return std::nullopt;
  at = blanks(at + 1);
  const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
  std::uint16_t port = 0;
  const auto [read, error] = std::from_chars(text.data() + at, text.data() + end, port);
  if (error != std::errc{} || read != text.data() + end) return std::nullopt;
  return PortBehind{port, end};
}

constexpr std::size_t marker_digits = 16;  // hexadecimal
std::string keyed(Mac& mac, std::string_view label, std::string_view text) {
  const std::array<std::string_view, 2> parts{label, text};
  return fmt::format("{:016x}", mac.of(parts).high);
}

}  // namespace

void Names::apply(const EngineOptions& options, Mac& mac) {
  listeners_ = options.listeners;
  pbx_ = options.pbx.addresses;
  bind_ = *options.pbx.bind;
  first_core_port_ = options.pbx.core_ports().first;
  core_ports_ = options.pbx.workers;
  public_domain_ = options.pbx.public_domain.value_or("");
  media_address_ = options.pbx.media_address;
  public_domain_name_ = public_domain_.empty() ? PublicName{} : make_name(HostPort{public_domain_, 0});
  words_ = {};
  shown_.clear();
  std::vector<Hidden> before = std::exchange(hidden_, {});
  core_address_ = bind_.to_string();
  core_via_ = fmt::format("SIP/2.0/{} {};branch=", via_name(options.pbx.transport), core_address_);
  core_uri_address_ = core_address_ + transport_param(options.pbx.transport);
  const Endpoint& first = pbx_.front();
  pbx_host_ = options.pbx.domain ? make_name(HostPort{*options.pbx.domain, 0}).host : uri_host(first.address);
  pbx_host_ports_.clear();
  for (const Endpoint& address : pbx_)
    pbx_host_ports_.push_back(options.pbx.domain.value_or(uri_host(address.address)) + ":" + std::to_string(address.port));
  for (const Endpoint& address : pbx_) add_hidden(address.address.to_string(), mac);
  if (options.pbx.domain) add_hidden(*options.pbx.domain, mac);
  add_hidden(bind_.address.to_string(), mac);
  for (std::uint16_t i = 0; i < core_ports_; ++i) {
    const auto port = static_cast<std::uint16_t>(first_core_port_ + i);
    if (is_telling_port(port)) words_.add_port(port);
  }
  for (const Endpoint& address : pbx_) {
    if (is_telling_port(address.port)) words_.add_port(address.port);
  }
  keep_former(std::move(before));
}

void Names::keep_former(std::vector<Hidden> before) {
  std::ranges::move(before, std::back_inserter(former_));
  std::erase_if(former_, [this](const Hidden& former) {
    return std::ranges::any_of(hidden_, [&](const Hidden& hidden) { return sip::iequals(hidden.text, former.text); });
  });
  if (former_.size() > most_former) former_.erase(former_.begin(), former_.end() - most_former);
}

void Names::add_hidden(std::string text, Mac& mac) {
  for (const Hidden& known : hidden_) {
    if (sip::iequals(known.text, text)) return;
  }
  const bool shown = sip::iequals(text, public_domain_);
  // Two, of which the one tells nothing of the other: who was shown the first could else write the second, and have it turned into the
  // name.
  std::string core_marker = "h-" + keyed(mac, "call-id marker", text), access_marker = "a-" + keyed(mac, "access side's marker", text);
  const bool is_address = acl::Address::parse(text).has_value();
  words_.add_host(text);
  hidden_.push_back({std::move(text), is_address, shown, std::move(core_marker), std::move(access_marker)});
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

bool Names::is_core_address(std::string_view host, std::uint16_t port) const {
  return is_core_port(port == 0 ? usual_port : port) && is_core_address(host);
}

ShownAs Names::shown_as(std::string_view host, const Flow& access) {
  const PublicName& shown = address_for(access);
  if (!public_domain_.empty() && sip::iequals(host, public_domain_name_.host)) return ShownAs::domain;
  if (sip::iequals(host, shown.host)) return ShownAs::name;
  // An IPv6 address can be written in many ways.
  const auto address = acl::Address::parse(without_brackets(host));
  if (!address) return ShownAs::none;
  if (address == public_domain_name_.address) return ShownAs::domain;
  if (address == shown.address) return ShownAs::name;
  return *address == access.local ? ShownAs::local : ShownAs::none;
}

std::string Names::host_shown_as(ShownAs shown, const Flow& access) {
  switch (shown) {
    case ShownAs::domain:
      return public_domain_name_.host;
    case ShownAs::name:
      return address_for(access).host;
    case ShownAs::local:
      return uri_host(access.local);
    case ShownAs::none:
      break;
  }
  return {};
}

bool Names::is_hidden_port(std::uint16_t port) const {
  return is_core_port(port) || std::ranges::any_of(pbx_, [port](const Endpoint& address) { return address.port == port; });
}

bool Names::is_telling_port(std::uint16_t port) const {
  constexpr std::array<std::uint16_t, 2> usual{usual_port, usual_port + 1};
  if (std::ranges::find(usual, port) != usual.end()) return false;
  return std::ranges::none_of(listeners_, [port](const ListenerOptions& listener) {
    const auto advertised = [port](const auto& entry) { return entry.second.port == port; };
    return listener.bind.port == port || (listener.advertise && listener.advertise->port == port) ||
           std::ranges::any_of(listener.advertise_to, advertised);
  });
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
  void add(const Hidden& hidden, std::string_view put) { words_.push_back({&hidden, {}, put, find(hidden, 0)}); }
  /// Any other text.
  void add(const Hidden& hidden, std::string_view word, std::string_view put) { words_.push_back({&hidden, word, put, text_.find(word)}); }

  struct Found {
    std::size_t begin = std::string_view::npos;
    std::size_t end = 0;
    std::string_view put;
    const Hidden* restored = nullptr;  ///< the host that is put in the place of its marker
  };
  std::optional<Found> next(std::size_t from) {
    Found best;
    for (Word& word : words_) {
      if (word.at < from) word.at = word.text.empty() ? find(*word.hidden, from) : text_.find(word.text, from);
      if (word.at >= best.begin) continue;
      const bool is_host = word.text.empty();
      best = {word.at, word.at + (is_host ? word.hidden->text.size() : word.text.size()), word.put, is_host ? nullptr : word.hidden};
    }
    if (best.begin == std::string_view::npos) return std::nullopt;
    return best;
  }

 private:
  [[nodiscard]] std::size_t find(const Hidden& hidden, std::size_t from) const {
    return find_host(text_, hidden.text, hidden.is_address, from);
  }

  struct Word {
    const Hidden* hidden;
    std::string_view text;  ///< empty: the hidden host
    std::string_view put;
    std::size_t at;
  };
  std::string_view text_;
  std::vector<Word> words_;
};

bool Names::mentions_hidden(std::string_view text) const { return words_.any_in(PlainText(text).text()); }

std::size_t Names::append_host(std::string& out, const PlainText& plain, std::size_t begin, std::size_t end, const Flow& access) {
  const auto port = port_behind(plain.text(), end);
  const bool hidden_port = port && is_hidden_port(port->port);
  const std::size_t behind = hidden_port ? port->end : end;
  const PublicName& name = domain_for(access);
  append_as(plain.escapes(begin, behind), out, hidden_port ? name.host_port : name.host);
  return behind;
}

void Names::append_hidden(std::string& out, std::string_view text, const Flow& access) {
  const PlainText plain(text);
  HiddenWords::Finder finder(words_, plain.text());
  std::size_t done = 0;
  while (const auto found = finder.next(done)) {
    std::size_t begin = found->begin;
    std::size_t end = found->end;
    if (begin > done && end < plain.text().size() && plain.text()[begin - 1] == '[' && plain.text()[end] == ']') {
      --begin;
      ++end;
    }
    out.append(plain.raw(done, begin));
    if (found->kind == HiddenWords::Found::Kind::host) {
      cut_token(out);
      end = append_host(out, plain, begin, end, access);
    } else if (found->kind == HiddenWords::Found::Kind::port) {
      const std::uint16_t port = address_for(access).port;
      out.append(std::to_string(port == 0 ? usual_port : port));
    }
    done = end;
  }
  out.append(plain.raw(done, plain.text().size()));
}

bool Names::append_marked(std::string& out, std::string_view call_id) const {
  return swap_markers(out, call_id, &Hidden::core_marker, &Hidden::access_marker);
}

bool Names::append_unmarked(std::string& out, std::string_view call_id) const {
  return swap_markers(out, call_id, &Hidden::access_marker, &Hidden::core_marker);
}

bool Names::holds_access_marker(std::string_view text) const {
  if (text.find("a-") == std::string_view::npos) return false;
  const auto holds = [text](const Hidden& hidden) { return text.find(hidden.access_marker) != std::string_view::npos; };
  return std::ranges::any_of(hidden_, holds) || std::ranges::any_of(former_, holds);
}

// Nearly all texts hold neither a host nor a marker, and a finder costs more than a look.
bool Names::may_hold(std::string_view text) const {
  for (std::size_t dash = text.find('-', 1); dash != std::string_view::npos; dash = text.find('-', dash + 1)) {
    const std::string_view digits = text.substr(dash + 1, marker_digits);
    if (text[dash - 1] != 'h' && text[dash - 1] != 'a') continue;
    if (digits.size() == marker_digits && digits.find_first_not_of("0123456789abcdef") == std::string_view::npos) return true;
  }
  const auto holds = [text](const Hidden& hidden) { return find_host(text, hidden.text, hidden.is_address, 0) != std::string_view::npos; };
  return std::ranges::any_of(hidden_, holds) || std::ranges::any_of(former_, holds);
}

// Hosts become markers of the one kind, markers of the other become hosts, in one pass.
bool Names::swap_markers(std::string& out, std::string_view call_id, std::string Hidden::* put, std::string Hidden::* taken) const {
  if (!may_hold(call_id)) return false;
  // Where a marker must not be put back the hosts beside it are marked all the same.
  for (const bool with_markers : {true, false}) {
    Finder finder(call_id);
    for (const std::vector<Hidden>* known : {&hidden_, &former_}) {
      for (const Hidden& hidden : *known) {
        if (!hidden.shown) finder.add(hidden, hidden.*put);
        if (with_markers) finder.add(hidden, hidden.*taken, hidden.text);
      }
    }
    if (swap(out, call_id, finder)) return true;
  }
  return false;
}

// A host that is put back must be found as one again on the way out, which it is not with a digit behind it or a letter before it: whoever
// glues one to a marker that he was shown has no marker put back.
bool Names::swap(std::string& out, std::string_view text, Finder& finder) {
  const std::size_t begin = out.size();
  std::size_t done = 0;
  std::vector<std::pair<std::size_t, const Hidden*>> restored;  // where in `out`
  while (const auto found = finder.next(done)) {
    out.append(text.substr(done, found->begin - done));
    if (found->restored != nullptr) restored.emplace_back(out.size() - begin, found->restored);
    out.append(found->put);
    done = found->end;
  }
  if (done == 0) return false;
  out.append(text.substr(done));
  const std::string_view result = std::string_view(out).substr(begin);
  const bool found_again = std::ranges::all_of(restored, [result](const auto& host) {
    return find_host(result, host.second->text, host.second->is_address, host.first) == host.first;
  });
  if (!found_again) out.resize(begin);
  return found_again;
}

bool Names::append_unmarked_body(std::string& out, std::string_view body) const {
  Finder finder(body);
  for (const std::vector<Hidden>* known : {&hidden_, &former_}) {
    for (const Hidden& hidden : *known) finder.add(hidden, hidden.core_marker, hidden.text);
  }
  return swap(out, body, finder);
}

}  // namespace postern::sbc
