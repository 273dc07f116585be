#include "config/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "acl/networks.hpp"
#include "acl/user_agents.hpp"
#include "config/checks.hpp"
#include "config/files.hpp"
#include "config/suggest.hpp"
#include "sip/user.hpp"

namespace postern::config {
namespace {

constexpr const char* everybody = "holds every address there is";
constexpr std::size_t most_suggestions = 300;
constexpr std::size_t most_list_problems = 20;
constexpr std::size_t most_listeners = 255;
constexpr std::size_t longest_list = std::size_t{32} << 20;
// A name may be used often, and stand for a long list each time.
constexpr std::size_t most_expanded = 1'000'000;
// Each pattern costs up to 2 MB once compiled.
constexpr std::size_t most_patterns = 200;
// One that is refused for its size has cost all of that.
constexpr std::size_t most_bad_patterns = 10;

template <class Map>
std::vector<std::string_view> keys_of(const Map& map) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : map) {
    if (keys.size() >= most_suggestions) break;
    keys.push_back(key);
  }
  return keys;
}

/// Multicast (RFC 5771, RFC 4291 §2.7) or the broadcast of the local network: no single host's.
bool is_group(const acl::Address& address) {
  if (!address.is_v4()) return address.bytes()[0] == 0xff;
  return address.v4_value() >> 28U == 0xe || address.v4_value() == 0xffffffff;
}

}  // namespace

std::string absolute_path(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

const std::vector<acl::Network>* networks_named(const Located<NetworkRef>& reference, const Resolved& resolved, Report& report) {
  const std::string& name = reference.value.name;
  const auto found = resolved.networks.find(name);
  if (found != resolved.networks.end()) return &found->second;
  if (!report.full())
    report.error(reference.at, fmt::format("no network is named {}{}", in_quotes(name), did_you_mean(name, keys_of(resolved.networks))));
  return nullptr;
}

std::vector<acl::Network> networks_of(const Located<NetworkRef>& reference, Resolved& resolved, Report& report) {
  if (reference.value.name.empty()) return {reference.value.network};
  const std::vector<acl::Network>* networks = networks_named(reference, resolved, report);
  if (networks == nullptr) return {};
  resolved.expanded += networks->size();
  if (resolved.expanded > most_expanded) {
    report.error(reference.at, fmt::format("names stand for more than {} networks in all", most_expanded));
    return {};
  }
  return *networks;
}

Resolved Resolver::resolve() {
  networks();
  listeners();
  pbx();
  trusted();
  limits();
  geo();
  user_agents();
  std::string& state = draft_.config.shell.state;
  state = absolute_path(directory_, state);
  std::string& control = draft_.config.shell.control.path;
  control = absolute_path(directory_, control);
  return std::move(resolved_);
}

void Resolver::listeners() {
  if (draft_.listeners.size() > most_listeners) {
    report_.error(draft_.listeners[most_listeners].at, fmt::format("more than {} listeners", most_listeners));
    return;
  }
  for (const DraftListener& draft : draft_.listeners) listener(draft);
}

void Resolver::listener(const DraftListener& draft) {
  const SipAddress& address = draft.address.value;
  if (!address.address) return;  // was reported
  sbc::ListenerOptions listener;
  listener.name = draft.name.value.empty() ? to_string(address) : draft.name.value;
  listener.transport = address.transport;
  listener.bind = {*address.address, address.port};
  listener.advertise = draft.advertise;
  listener.trap = draft.trap;
  advertise_to(draft, listener);
  streams(draft, listener);
  for (const sbc::ListenerOptions& other : draft_.config.engine.listeners) {
    if (other.name == listener.name && !draft.name.value.empty())
      report_.error(draft.name.at, fmt::format("another listener is named {}", in_quotes(listener.name)));
    if (sbc::is_datagram(other.transport) != sbc::is_datagram(listener.transport)) continue;
    if (other.bind == listener.bind)
      report_.error(draft.address.at,
                    fmt::format("the listener {} has this address and port already: give one of them another port", in_quotes(other.name)));
    else if (covers(other.bind, listener.bind) || covers(listener.bind, other.bind))
      report_.error(draft.address.at, fmt::format("the listener {} takes this address and port too", in_quotes(other.name)));
  }
  const auto& admin = draft_.config.shell.admin;
  if (admin && !sbc::is_datagram(listener.transport) && (covers(*admin, listener.bind) || covers(listener.bind, *admin)))
    report_.error(draft.address.at, fmt::format("the `admin` page has {} already: give one of them another port", admin->to_string()));
  draft_.config.engine.listeners.push_back(std::move(listener));
}

/// What belongs to one kind of stream alone.
void Resolver::streams(const DraftListener& draft, sbc::ListenerOptions& listener) {
  using sbc::Transport;
  const bool secure = listener.transport == Transport::tls || listener.transport == Transport::wss;
  const bool web = listener.transport == Transport::ws || listener.transport == Transport::wss;
  const char* const scheme = sbc::to_string(listener.transport);
  if (secure && !draft.tls) report_.error(draft.address.at, fmt::format("{}:// needs `tls` with `certificate` and `private_key`", scheme));
  if (!secure && draft.tls) report_.error(draft.tls->at, fmt::format("is of tls:// and wss:// alone; this listener is {}://", scheme));
  if (!web && !draft.origins.empty())
    report_.error(draft.at,
                  fmt::format("`origins` is of ws:// and wss:// alone, for only they have web origins; this listener is {}://", scheme));
  listener.origins = draft.origins;
  if (!secure || !draft.tls) return;
  listener.tls = draft.tls->options;
  for (std::string* file : {&listener.tls->certificate, &listener.tls->private_key, &listener.tls->client_ca}) {
    if (!file->empty()) *file = named_file(*file);
  }
}

void Resolver::advertise_to(const DraftListener& draft, sbc::ListenerOptions& listener) {
  for (const auto& [name, shown] : draft.advertise_to) {
    const Parsed parsed = kinds::network_ref.parse(name.value, {});
    if (!parsed.value) continue;  // was reported
    for (const acl::Network& network : networks_of({std::get<NetworkRef>(*parsed.value), name.at}, resolved_, report_))
      listener.advertise_to.emplace_back(network, shown);
  }
}

// Health, late answers and what may come in on the core side go by the PBX's IP address.
void Resolver::one_pbx_a_host() {
  for (auto each = draft_.pbx.begin(); each != draft_.pbx.end(); ++each) {
    const auto same = [&](const Located<SipAddress>& other) { return other.value.address == each->value.address; };
    if (const auto first = std::find_if(draft_.pbx.begin(), each, same); first != each)
      report_.error(each->at, fmt::format("{} is in line {} already: give each address of the PBX an IP address of its own",
                                          each->value.address->to_string(), first->at.position.line));
  }
}

/// What a PBX over TCP or TLS costs, and whom we believe to be it.
void Resolver::pbx_by_stream() {
  if (draft_.pbx.empty()) return;
  const Located<SipAddress>& first = draft_.pbx.front();
  const sbc::Transport transport = first.value.transport;
  if (draft_.pbx_ca && transport != sbc::Transport::tls)
    report_.error(draft_.pbx_ca->at, fmt::format("is of tls:// alone; the PBX is reached over {}://", sbc::to_string(transport)));
  if (draft_.pbx_ca) draft_.config.engine.pbx.ca = named_file(draft_.pbx_ca->value);
  if (sbc::is_datagram(transport)) return;
  report_.warning(first.at,
                  fmt::format("over {}:// Asterisk forgets every phone when our connection ends, so a restart of Postern or a fault of "
                              "the network leaves phones unreachable until they register again; they are told to do so every {} s, "
                              "which the PBX has to bear. udp:// has none of that",
                              sbc::to_string(transport), sbc::PbxOptions::longest_expires_over_streams.count()));
  if (transport == sbc::Transport::tls && !draft_.pbx_ca)
    report_.warning(first.at, "without `ca` any certificate is taken for the PBX's: name the file of the authority that signed it");
}

void Resolver::pbx() {
  sbc::PbxOptions& pbx = draft_.config.engine.pbx;
  for (const Located<SipAddress>& each : draft_.pbx) {
    pbx.addresses.push_back({*each.value.address, each.value.port});
    pbx.transport = each.value.transport;
    if (each.value.transport != draft_.pbx.front().value.transport)
      report_.error(each.at, "must have the transport of the first address: Postern speaks one to all");
    if (each.value.address->is_unspecified()) report_.error(each.at, "must be the PBX's address, not a wildcard");
    if (is_group(*each.value.address)) report_.error(each.at, "must be the PBX's own address, not a multicast or broadcast one");
    if (each.value.address->is_v4() != draft_.pbx.front().value.address->is_v4())
      report_.error(each.at, "must be of the same family (IPv4 or IPv6) as the first address: one socket talks to all");
    if (each.value.port == 5060 || each.value.port == 5061 || each.value.port == 5160)
      report_.warning(each.at, fmt::format("{} is a default port; a hidden PBX listens on another", each.value.port));
  }
  one_pbx_a_host();
  pbx_by_stream();
  if (draft_.pbx.size() > sbc::PbxOptions::most_addresses)
    report_.error(draft_.pbx[sbc::PbxOptions::most_addresses].at,
                  fmt::format("is one too many: the PBX may have {} addresses", sbc::PbxOptions::most_addresses));
  if (const auto& user = draft_.health_check_user) {
    pbx.health_check_user = user->value;
    if (!sip::is_uri_user(user->value)) report_.error(user->at, "must be the user part of a SIP URI, such as \"1001\"");
  }
  if (const auto& media = draft_.media_address) {
    pbx.media_address = media->value;
    if (media->value.is_unspecified() || is_group(media->value))
      report_.error(media->at, "must be the address of one host: phones send their audio to it");
  }
  if (!draft_.pbx_bind) return;
  pbx.bind = draft_.pbx_bind->value;
  const Where& at = draft_.pbx_bind->at;
  if (pbx.bind->address.is_unspecified()) report_.error(at, "must be the address that the PBX sees, not a wildcard");
  if (is_group(pbx.bind->address)) report_.error(at, "must be the address that the PBX sees, not a multicast or broadcast one");
  if (!pbx.addresses.empty() && pbx.bind->address.is_v4() != pbx.addresses.front().address.is_v4())
    report_.error(at, "must be of the same family (IPv4 or IPv6) as pbx.address");
}

void Resolver::networks() {
  for (const auto& [name, parts] : draft_.networks) {
    std::vector<acl::Network>& into = resolved_.networks[name];
    for (const DraftNetwork& part : parts) {
      if (!part.host.empty()) {
        dynamic_name(part, into);
        continue;
      }
      if (!part.network) {
        list_file(part, into);
        continue;
      }
      into.push_back(*part.network);
      if (part.network->prefix_length() == 0) report_.warning(part.at, everybody);
    }
  }
}

void Resolver::dynamic_name(const DraftNetwork& draft, std::vector<acl::Network>& into) {
  net::DynamicName name;
  name.host = draft.host;
  const auto refresh = draft_.name_refresh.find(draft.at.path.substr(0, draft.at.path.rfind('.')));
  if (refresh != draft_.name_refresh.end()) name.refresh = refresh->second.value;
  std::vector<net::DynamicName>& names = draft_.config.shell.names;
  const auto known = std::ranges::find(names, name.host, &net::DynamicName::host);
  if (known == names.end())
    names.push_back(name);
  else
    known->refresh = std::min(known->refresh, name.refresh);
  const auto answer = draft_.answers.find(name.host);
  if (answer == draft_.answers.end()) return;
  for (const acl::Address& address : answer->second) into.emplace_back(address, address.is_v4() ? 32 : 128);
}

std::string Resolver::named_file(const std::string& written) {
  return draft_.config.shell.files.emplace_back(absolute_path(directory_, written));
}

void Resolver::list_file(const DraftNetwork& draft, std::vector<acl::Network>& into) {
  const std::string path = named_file(draft.file);
  const auto read = read_file(path, longest_list);
  if (const auto* error = std::get_if<FileError>(&read)) {
    report_.error(draft.at, fmt::format("{}: {}", path, error->message));
    return;
  }
  const std::string_view text = std::get<std::string>(read);
  const acl::NetworkList list = acl::parse_network_list(text);
  list_problems(path, draft.at.path, list);
  const auto holds_everybody = [](const acl::NetworkList& of) {
    return std::any_of(of.networks.begin(), of.networks.end(), [](const acl::Network& network) { return network.prefix_length() == 0; });
  };
  if (holds_everybody(list)) {
    // The list does not say where its networks stood.
    int line = 1;
    for (std::string_view rest = text; !holds_everybody(acl::parse_network_list(rest.substr(0, rest.find('\n')))); ++line)
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    report_.add(path, {{line, 1}, draft.at.path}, Severity::warning, everybody);
  }
  into.insert(into.end(), list.networks.begin(), list.networks.end());
}

/// Errors first: thousands of warnings about one list must not hide them.
void Resolver::list_problems(const std::string& path, const std::string& key, const acl::NetworkList& list) {
  for (const bool fatal : {true, false}) {
    std::size_t count = 0;
    int last_line = 1;
    const Severity severity = fatal ? Severity::error : Severity::warning;
    for (const acl::NetworkList::Problem& problem : list.problems) {
      if (problem.fatal != fatal) continue;
      last_line = problem.line;
      if (++count <= most_list_problems) report_.add(path, {{problem.line, 1}, key}, severity, problem.message);
    }
    if (count > most_list_problems)
      report_.add(path, {{last_line, 1}, key}, severity, fmt::format("and {} more lines like these", count - most_list_problems));
  }
}

void Resolver::trusted() {
  for (const Located<acl::Network>& network : draft_.trunk_networks) draft_.config.engine.trunk_networks.push_back(network.value);
  std::vector<acl::Network>& trusted = draft_.config.engine.trusted;
  for (const Located<NetworkRef>& reference : draft_.trusted) {
    for (const acl::Network& network : networks_of(reference, resolved_, report_)) {
      if (network.prefix_length() == 0)
        report_.warning(reference.at, fmt::format("{} is everybody: no scanner is banned, and strangers are answered as phones are",
                                                  network.to_string()));
      trusted.push_back(network);
    }
  }
  std::sort(trusted.begin(), trusted.end());
  trusted.erase(std::unique(trusted.begin(), trusted.end()), trusted.end());
}

void Resolver::limits() {
  sbc::LimitsOptions& limits = draft_.config.engine.limits;
  for (const auto& [name, draft] : draft_.method_rates) method_limit(name, draft, limits.per_source_methods);
  for (const auto& [name, draft] : draft_.device_rates) method_limit(name, draft, limits.per_device);
  for (const auto& [name, draft] : draft_.method_rates) {
    // What is never asked for a password, or not as a rule.
    if (draft.off || name == "OPTIONS" || name == "ACK" || name == "CANCEL" || name == "BYE") continue;
    if (const auto rate = limits.per_source_methods.find(name); rate != limits.per_source_methods.end())
      check_burst(draft.at, rate->second.burst);
  }
  const auto& all = limits.per_source;
  if (draft_.limits_at && all) check_burst({draft_.limits_at->position, "limits.per_source"}, all->burst);
}

void Resolver::method_limit(const std::string& name, const DraftRate& draft, std::map<std::string, acl::Rate>& methods) {
  if (draft.off) {
    methods.erase(name);
    return;
  }
  const bool known = methods.contains(name);
  if (!known && !draft.per_second) {
    const std::string path = draft.at.path + ".rate";
    if (!report_.has_errors_at(path)) report_.error({draft.at.position, path}, fmt::format("is missing: {}", kinds::rate.noun));
    return;
  }
  acl::Rate& rate = methods[name];
  if (draft.per_second) rate.per_second = *draft.per_second;
  if (draft.burst)
    rate.burst = *draft.burst;
  else if (!known)
    rate.burst = std::max(1.0, rate.per_second);
}

void Resolver::check_burst(const Where& at, double burst) {
  if (burst < 2) report_.warning(at, "burst 1: a phone that is asked for a password needs two, as it sends its request twice");
}

void Resolver::geo() {
  const auto open = [&](const std::optional<Located<std::string>>& written) {
    std::shared_ptr<const acl::GeoDatabase> database;
    if (!written) return database;
    auto opened = acl::GeoDatabase::open(named_file(written->value));
    if (const auto* error = std::get_if<std::string>(&opened))
      report_.error(written->at, *error);
    else
      database = std::get<0>(std::move(opened));
    return database;
  };
  resolved_.geo.countries = open(draft_.country_database);
  resolved_.geo.asns = open(draft_.asn_database);
}

void Resolver::user_agents() {
  std::size_t patterns = 0;
  for (const auto& [name, set] : draft_.user_agents) {
    patterns += set.size();
    if (patterns > most_patterns) {
      report_.error(set.front().at, fmt::format("more than {} patterns in all", most_patterns));
      return;
    }
    user_agent_set(name, set);
  }
}

void Resolver::user_agent_set(const std::string& name, const std::vector<Located<std::string>>& patterns) {
  if (patterns.empty()) return;  // was reported
  if (name == "builtin") {
    report_.error(patterns.front().at, "`builtin` is the name of the shipped list");
    return;
  }
  std::vector<std::string>& texts = draft_.config.policy.user_agents[name];
  bool good = true;
  for (const Located<std::string>& pattern : patterns) {
    if (bad_patterns_ >= most_bad_patterns) return;
    texts.push_back(pattern.value);
    good = compiles(pattern) && good;
  }
  if (!good) return;
  const auto compiled = acl::UserAgentSet::compile(texts);
  if (const auto* error = std::get_if<std::string>(&compiled)) report_.error(patterns.front().at, *error);
}

/// One by one, so that the error stands at the pattern that gives it.
bool Resolver::compiles(const Located<std::string>& pattern) {
  const auto compiled = acl::UserAgentSet::compile({&pattern.value, 1});
  const auto* error = std::get_if<std::string>(&compiled);
  if (error == nullptr) return true;
  report_.error(pattern.at, *error);
  if (++bad_patterns_ == most_bad_patterns) report_.error(pattern.at, "no further pattern was looked at");
  return false;
}

}  // namespace postern::config
