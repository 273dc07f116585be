#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sbc/net/configuration.hpp"

namespace postern::net {
namespace {

constexpr std::size_t most_names = 8;

/// Names with a sign: what is new, gone or different. A name that stands several times is told apart by its place among them.
class Differences {
 public:
  void add(char sign, std::string_view name) {
    if (++count_ <= most_names) text_.append(text_.empty() ? "" : " ").append(1, sign).append(name);
  }
  [[nodiscard]] std::string text() const { return count_ > most_names ? fmt::format("{} and {} more", text_, count_ - most_names) : text_; }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

/// `name(item)` tells what is the same thing, `same(a, b)` whether it is as it was.
template <class Items, class Name, class Same>
std::string differences(const Items& before, const Items& after, Name name, Same same) {
  std::multimap<std::string_view, const typename Items::value_type*> known;
  for (const auto& item : before) known.emplace(name(item), &item);
  Differences out;
  for (const auto& item : after) {
    const auto found = known.lower_bound(name(item));
    if (found == known.end() || found->first != name(item)) {
      out.add('+', name(item));
    } else {
      if (!same(*found->second, item)) out.add('~', name(item));
      known.erase(found);
    }
  }
  for (const auto& [gone, item] : known) out.add('-', gone);
  return out.text();
}

bool same_rule(const acl::RuleOptions& a, const acl::RuleOptions& b) {
  return a.when == b.when && a.unless == b.unless && a.action == b.action && a.status == b.status && a.ban_time == b.ban_time &&
         a.log_only == b.log_only;
}

class List {
 public:
  void add(std::string_view what, std::string_view details = {}) {
    text_.append(text_.empty() ? "" : ", ").append(what);
    if (!details.empty()) text_.append(" ").append(details);
  }
  [[nodiscard]] std::string text() const { return text_.empty() ? "nothing" : text_; }

 private:
  std::string text_;
};

void add_rules(const Configuration& before, const Configuration& after, List& list) {
  const auto rules_before = before.policy->rules();
  const auto rules_after = after.policy->rules();
  const std::string different =
      differences(rules_before, rules_after, [](const acl::RuleOptions& rule) { return std::string_view(rule.name); }, same_rule);
  const auto by_name = [](const acl::RuleOptions& a, const acl::RuleOptions& b) { return a.name == b.name; };
  const bool other_order = !std::ranges::equal(rules_before, rules_after, by_name);
  if (rules_before.size() != rules_after.size()) {
    list.add(fmt::format("rules {} -> {}", rules_before.size(), rules_after.size()), different.empty() ? "" : "(" + different + ")");
  } else if (!different.empty() || other_order) {
    list.add("rules", different.empty() ? "(their order)" : "(" + different + ")");
  }
  if (before.rules.user_agents != after.rules.user_agents) list.add("user_agents");
  if (before.rules.default_action != after.rules.default_action)
    list.add("default_action", fmt::format("{} -> {}", to_string(before.rules.default_action), to_string(after.rules.default_action)));
}

bool same_networks(const acl::SharedNetworks& one, const acl::SharedNetworks& other) { return *one == *other; }

bool same_device(const acl::DeviceOptions& a, const acl::DeviceOptions& b) {
  return std::ranges::equal(a.permit, b.permit, same_networks) && std::ranges::equal(a.deny, b.deny, same_networks) &&
         a.listeners == b.listeners && a.extension == b.extension;
}

bool same_allowance(const acl::CallAllowance& a, const acl::CallAllowance& b) {
  const bool same_source =
      a.source.has_value() == b.source.has_value() && (!a.source || std::ranges::equal(*a.source, *b.source, same_networks));
  return same_source && a.devices == b.devices && a.classes == b.classes;
}

bool same_calls(const std::optional<acl::CallOptions>& a, const std::optional<acl::CallOptions>& b) {
  if (!a || !b) return !a && !b;
  return a->classes == b->classes && std::ranges::equal(a->allow, b->allow, same_allowance) && a->deny_status == b->deny_status;
}

void add_devices(const acl::PolicyOptions& before, const acl::PolicyOptions& after, List& list) {
  const std::string different = differences(
      before.devices, after.devices, [](const acl::DeviceOptions& device) { return std::string_view(device.key); }, same_device);
  if (!different.empty())
    list.add("devices", different);
  else if (!std::ranges::equal(before.devices, after.devices, {}, &acl::DeviceOptions::key, &acl::DeviceOptions::key))
    list.add("devices", "(their order)");
  if (before.device_groups != after.device_groups) list.add("device_groups");
  if (before.emergency != after.emergency) list.add("emergency");
  if (before.emergency_prefixes != after.emergency_prefixes) list.add("emergency_prefixes");
  if (!same_calls(before.calls, after.calls)) list.add("calls");
}

void add_geo(const acl::Geo& before, const acl::Geo& after, List& list) {
  const auto built = [](const std::shared_ptr<const acl::GeoDatabase>& database) { return database ? database->built() : 0; };
  if (built(before.countries) != built(after.countries)) list.add("geo.country");
  if (built(before.asns) != built(after.asns)) list.add("geo.asn");
}

void add_listeners(const sbc::EngineOptions& before, const sbc::EngineOptions& after, List& list) {
  const auto same = [](const sbc::ListenerOptions& a, const sbc::ListenerOptions& b) {
    return a.transport == b.transport && a.bind == b.bind && a.advertise == b.advertise && a.advertise_to == b.advertise_to &&
           a.tls == b.tls && a.origins == b.origins && a.trap == b.trap;
  };
  const std::string different = differences(
      before.listeners, after.listeners, [](const sbc::ListenerOptions& listener) { return std::string_view(listener.name); }, same);
  if (!different.empty()) list.add("listeners", different);
}

void add_pbx(const sbc::PbxOptions& before, const sbc::PbxOptions& after, List& list) {
  const auto addresses = [](const sbc::PbxOptions& pbx) {
    std::string text;
    for (const sbc::Endpoint& address : pbx.addresses) text.append(text.empty() ? "" : " ").append(address.to_string());
    return text;
  };
  if (before.addresses != after.addresses) list.add("pbx.address", addresses(before) + " -> " + addresses(after));
  if (before.domain != after.domain) list.add("pbx.domain");
  if (before.public_domain != after.public_domain) list.add("pbx.public_domain");
  if (before.health_check != after.health_check || before.health_check_user != after.health_check_user) list.add("pbx.health_check");
  if (before.ca != after.ca) list.add("pbx.ca");
  if (before.media_address != after.media_address) list.add("pbx.media_address");
  if (before.timeout != after.timeout)
    list.add("pbx.timeout", fmt::format("{} ms -> {} ms", before.timeout.count(), after.timeout.count()));
}

void add_shell(const ShellOptions& before, const ShellOptions& after, List& list) {
  if (before.admin != after.admin) list.add("admin");
  if (before.names != after.names) list.add("networks (names)");
  if (before.kernel != after.kernel) list.add("kernel");
  if (before.hep != after.hep) list.add("hep");
  if (before.alerts != after.alerts) list.add("alerts");
  if (before.log.format != after.log.format) list.add("log.format");
  if (before.log.level != after.log.level) list.add("log.level");
}

/// That another list, database or certificate stands under the same name.
void add_files(const NamedFiles& before, const NamedFiles& after, List& list) {
  Differences replaced;
  for (const std::string& path : before.replaced_in(after)) replaced.add('~', path);
  if (!replaced.text().empty()) list.add("files", replaced.text());
}

}  // namespace

std::string changes(const Configuration& before, const Configuration& after) {
  List list;
  add_listeners(before.engine, after.engine, list);
  add_pbx(before.engine.pbx, after.engine.pbx, list);
  if (before.engine.trusted != after.engine.trusted)
    list.add("trusted", fmt::format("{} -> {} networks", before.engine.trusted.size(), after.engine.trusted.size()));
  if (before.engine.trunk_networks != after.engine.trunk_networks) list.add("trunks");
  if (before.engine.registered_only != after.engine.registered_only) list.add("registered_only");
  add_geo(before.policy->geo(), after.policy->geo(), list);
  add_rules(before, after, list);
  add_devices(before.rules, after.rules, list);
  if (before.engine.limits != after.engine.limits) list.add("limits");
  if (before.engine.redirects != after.engine.redirects) list.add("redirects");
  if (before.engine.weak_passwords != after.engine.weak_passwords) list.add("weak_passwords");
  if (before.engine.jail != after.engine.jail) list.add("jail");
  if (before.engine.enforce != after.engine.enforce) list.add("enforce", after.engine.enforce ? "off -> on" : "on -> off");
  if (before.engine.scanner_score != after.engine.scanner_score) list.add("jail.score");
  if (before.engine.keepalive != after.engine.keepalive) list.add("keepalive");
  add_shell(before.shell, after.shell, list);
  add_files(before.files, after.files, list);
  return list.text();
}

}  // namespace postern::net
