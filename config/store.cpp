#include "config/store.hpp"

#include <algorithm>
#include <thread>

namespace postern::config::store {
namespace {

template <class T>
const T& value_of(const Item& item) {
  return std::get<T>(item.value);
}

const std::string& text_of(const Item& item) { return std::get<std::string>(item.value); }
std::string_view word_of(const Item& item) { return std::get<Word>(item.value).text; }

acl::Action action_of(std::string_view word) {
  for (const acl::Action action : {acl::Action::drop, acl::Action::reject, acl::Action::ban})
    if (word == acl::to_string(action)) return action;
  return acl::Action::allow;
}

/// The entry that a value below it belongs to: no two have the same key.
DraftDevice& device_of(Draft& draft, const Item& item) {
  if (draft.devices.empty() || draft.devices.back().key.value != item.name.value) draft.devices.push_back({item.name, {}, {}, {}, {}});
  return draft.devices.back();
}

/// Of `networks.anna.name` `networks.anna`.
std::string_view parent_path(std::string_view path) { return path.substr(0, path.rfind('.')); }

std::optional<std::chrono::milliseconds> duration_or_off(const Item& item) {
  if (std::holds_alternative<Word>(item.value)) return std::nullopt;
  return value_of<std::chrono::milliseconds>(item);
}

}  // namespace

DraftConditions& conditions(Draft& draft, const Item& item) { return item.unless ? draft.rules.back().unless : draft.rules.back().when; }

void begin_listener(Draft& draft, const Where& at, const std::string& /*name*/) { draft.listeners.push_back({at, {}, {}, {}, {}, {}, {}}); }
void listener_address(Draft& draft, const Item& item) { draft.listeners.back().address = {value_of<SipAddress>(item), item.at}; }
void listener_name(Draft& draft, const Item& item) { draft.listeners.back().name = {text_of(item), item.at}; }
void listener_advertise(Draft& draft, const Item& item) { draft.listeners.back().advertise = value_of<sbc::HostPort>(item); }
void listener_advertise_to(Draft& draft, const Item& item) {
  // `default` is what a listener advertises to whom no network of the map holds.
  if (item.name.value == "default")
    listener_advertise(draft, item);
  else
    draft.listeners.back().advertise_to.emplace_back(item.name, value_of<sbc::HostPort>(item));
}

void listener_trap(Draft& draft, const Item& item) { draft.listeners.back().trap = value_of<bool>(item); }
void listener_origin(Draft& draft, const Item& item) { draft.listeners.back().origins.push_back(text_of(item)); }
void begin_tls(Draft& draft, const Where& at, const std::string& /*name*/) { draft.listeners.back().tls = {at, {}, {}}; }
void tls_min_version(Draft& draft, const Item& item) {
  const bool only_1_3 = word_of(item) == "1.3";
  draft.listeners.back().tls->options.min_version = only_1_3 ? sbc::TlsOptions::Version::tls_1_3 : sbc::TlsOptions::Version::tls_1_2;
}

void pbx_address(Draft& draft, const Item& item) { draft.pbx.push_back({value_of<SipAddress>(item), item.at}); }
void pbx_ca(Draft& draft, const Item& item) { draft.pbx_ca = {text_of(item), item.at}; }
void pbx_bind(Draft& draft, const Item& item) { draft.pbx_bind = {value_of<sbc::Endpoint>(item), item.at}; }
void pbx_domain(Draft& draft, const Item& item) { draft.config.engine.pbx.domain = text_of(item); }
void pbx_public_domain(Draft& draft, const Item& item) { draft.config.engine.pbx.public_domain = text_of(item); }
void pbx_media_address(Draft& draft, const Item& item) { draft.media_address = {value_of<acl::Address>(item), item.at}; }
void pbx_health_check(Draft& draft, const Item& item) { draft.config.engine.pbx.health_check = duration_or_off(item); }
void keepalive(Draft& draft, const Item& item) { draft.config.engine.keepalive = duration_or_off(item); }
void pbx_health_check_user(Draft& draft, const Item& item) { draft.health_check_user = {text_of(item), item.at}; }
void pbx_timeout(Draft& draft, const Item& item) { draft.config.engine.pbx.timeout = value_of<std::chrono::milliseconds>(item); }

void workers(Draft& draft, const Item& item) {
  draft.workers_at = item.at;
  std::uint16_t& workers = draft.config.engine.pbx.workers;
  if (const auto* count = std::get_if<std::int64_t>(&item.value)) {
    workers = static_cast<std::uint16_t>(*count);
  } else {  // "auto"
    workers = static_cast<std::uint16_t>(std::clamp(std::thread::hardware_concurrency(), 1U, most_workers));
  }
}

void trunk_network(Draft& draft, const Item& item) { draft.trunk_networks.push_back({value_of<acl::Network>(item), item.at}); }
void begin_network(Draft& draft, const Where& /*at*/, const std::string& name) { draft.networks[name]; }
void network(Draft& draft, const Item& item) { draft.networks[item.name.value].push_back({item.at, value_of<acl::Network>(item), {}, {}}); }
void network_file(Draft& draft, const Item& item) { draft.networks[item.name.value].push_back({item.at, {}, text_of(item), {}}); }
void network_name(Draft& draft, const Item& item) { draft.networks[item.name.value].push_back({item.at, {}, {}, text_of(item)}); }
void network_refresh(Draft& draft, const Item& item) {
  draft.name_refresh[std::string(parent_path(item.at.path))] = {value_of<std::chrono::milliseconds>(item), item.at};
}
void trusted(Draft& draft, const Item& item) { draft.trusted.push_back({value_of<NetworkRef>(item), item.at}); }
void country_database(Draft& draft, const Item& item) { draft.country_database = {text_of(item), item.at}; }
void asn_database(Draft& draft, const Item& item) { draft.asn_database = {text_of(item), item.at}; }
void begin_user_agents(Draft& draft, const Where& /*at*/, const std::string& name) { draft.user_agents[name]; }
void user_agent(Draft& draft, const Item& item) { draft.user_agents[item.name.value].push_back({text_of(item), item.at}); }

void begin_rule(Draft& draft, const Where& at, const std::string& /*name*/) {
  draft.rules.emplace_back();
  draft.rules.back().at = at;
}
void begin_unless(Draft& draft, const Where& at, const std::string& /*name*/) { draft.rules.back().unless_at = at; }
void rule_name(Draft& draft, const Item& item) { draft.rules.back().name = text_of(item); }
void rule_action(Draft& draft, const Item& item) { draft.rules.back().action = {action_of(word_of(item)), item.at}; }
void rule_status(Draft& draft, const Item& item) { draft.rules.back().status = {static_cast<int>(value_of<std::int64_t>(item)), item.at}; }
void rule_ban_time(Draft& draft, const Item& item) { draft.rules.back().ban_time = {seconds_of(item), item.at}; }
void rule_log_only(Draft& draft, const Item& item) { draft.rules.back().log_only = value_of<bool>(item); }
void default_action(Draft& draft, const Item& item) {
  draft.config.policy.default_action = action_of(word_of(item));
  draft.default_action_at = item.at;
}

void device_group(Draft& draft, const Item& item) { draft.device_groups[item.name.value].push_back({text_of(item), item.at}); }
void device_permit(Draft& draft, const Item& item) { device_of(draft, item).permit.push_back({value_of<NetworkRef>(item), item.at}); }
void device_deny(Draft& draft, const Item& item) { device_of(draft, item).deny.push_back({value_of<NetworkRef>(item), item.at}); }
void device_listener(Draft& draft, const Item& item) { device_of(draft, item).listeners.push_back({text_of(item), item.at}); }
void device_extension(Draft& draft, const Item& item) { device_of(draft, item).extension = text_of(item); }

void registered_only(Draft& draft, const Item& item) {
  const sip::Method method = sip::method_of(text_of(item));
  std::vector<sip::Method>& methods = draft.config.engine.registered_only;
  if (std::ranges::find(methods, method) == methods.end()) methods.push_back(method);
  if (method == sip::Method::register_) draft.registers_registered_only = item.at;
}

void begin_calls(Draft& draft, const Where& at, const std::string& /*name*/) { draft.calls = {at, {}, {}, {}}; }
void dial_pattern(Draft& draft, const Item& item) {
  std::vector<DraftDialClass>& classes = draft.calls->classes;
  if (classes.empty() || classes.back().name.value != item.name.value) classes.push_back({item.name, {}});
  classes.back().patterns.push_back({text_of(item), item.at});
}
void begin_allowance(Draft& draft, const Where& at, const std::string& /*name*/) {
  draft.calls->allow.emplace_back();
  draft.calls->allow.back().at = at;
}
void begin_allowed_source(Draft& draft, const Where& /*at*/, const std::string& /*name*/) {
  draft.calls->allow.back().from_anywhere = false;
}
void allowed_source(Draft& draft, const Item& item) { draft.calls->allow.back().source.push_back({value_of<NetworkRef>(item), item.at}); }
void deny_status(Draft& draft, const Item& item) { draft.calls->deny_status = static_cast<int>(value_of<std::int64_t>(item)); }
void enforce(Draft& draft, const Item& item) { draft.config.engine.enforce = value_of<bool>(item); }
void redirects(Draft& draft, const Item& item) {
  using Redirects = sbc::EngineOptions::Redirects;
  draft.config.engine.redirects = word_of(item) == "internal" ? Redirects::internal : Redirects::block;
}

void weak_passwords(Draft& draft, const Item& item) {
  using Mode = sbc::EngineOptions::WeakPasswords;
  const std::string_view word = word_of(item);
  draft.config.engine.weak_passwords = word == "off" ? Mode::off : word == "refuse" ? Mode::refuse : Mode::report;
}

void begin_limits(Draft& draft, const Where& at, const std::string& /*name*/) { draft.limits_at = at; }
void methods_off(Draft& draft, const Item& /*item*/) { draft.config.engine.limits.per_source_methods.clear(); }
void device_limits_off(Draft& draft, const Item& /*item*/) { draft.config.engine.limits.per_device.clear(); }
void concurrent_calls_off(Draft& draft, const Item& /*item*/) {
  draft.config.engine.limits.concurrent_calls.reset();
  draft.config.engine.limits.concurrent_calls_per_device.reset();
}
void tracked_sources(Draft& draft, const Item& item) {
  draft.config.engine.limits.tracked_sources = static_cast<std::size_t>(value_of<std::int64_t>(item));
}

void score_off(Draft& draft, const Item& /*item*/) { draft.config.engine.scanner_score.reset(); }
void score_ban(Draft& draft, const Item& item) {
  draft.config.engine.scanner_score = static_cast<std::uint32_t>(value_of<std::int64_t>(item));
}
std::chrono::seconds seconds_of(const Item& item) {
  return std::chrono::duration_cast<std::chrono::seconds>(value_of<std::chrono::milliseconds>(item));
}
void jail_off(Draft& draft, const Item& item) {
  draft.config.engine.jail.on = false;
  draft.config.engine.scanner_score.reset();
  draft.jail_off_at = item.at;
}
void jail_ban_time(Draft& draft, const Item& item) { draft.config.engine.jail.ban_time = seconds_of(item); }
void jail_increment_off(Draft& draft, const Item& /*item*/) { draft.config.engine.jail.increment.reset(); }
void jail_increment_factor(Draft& draft, const Item& item) {
  draft.config.engine.jail.increment->factor = static_cast<std::uint32_t>(value_of<std::int64_t>(item));
}
void jail_increment_max(Draft& draft, const Item& item) { draft.config.engine.jail.increment->max = seconds_of(item); }
void trap_extension(Draft& draft, const Item& item) {
  draft.trap_extensions.push_back({text_of(item), item.at});
  draft.config.engine.jail.trap_extensions.push_back(text_of(item));
}

void begin_policy_test(Draft& draft, const Where& at, const std::string& /*name*/) { draft.policy_tests.push_back({at, {}, {}}); }
void test_name(Draft& draft, const Item& item) { draft.policy_tests.back().test.name = text_of(item); }
void test_source(Draft& draft, const Item& item) { draft.policy_tests.back().test.request.source = value_of<sbc::Endpoint>(item); }
void test_transport(Draft& draft, const Item& item) { draft.policy_tests.back().test.request.transport = sbc::transport_of(text_of(item)); }
void test_listener(Draft& draft, const Item& item) { draft.policy_tests.back().listener = {text_of(item), item.at}; }
void test_registered(Draft& draft, const Item& item) { draft.policy_tests.back().test.request.registered = value_of<bool>(item); }
void test_expect(Draft& draft, const Item& item) {
  PolicyTest& test = draft.policy_tests.back().test;
  if (std::holds_alternative<Word>(item.value))
    test.verdict = action_of(word_of(item));
  else
    test.status = static_cast<int>(value_of<std::int64_t>(item));
}

void control_path(Draft& draft, const Item& item) {
  draft.config.shell.control.path = text_of(item);
  draft.config.shell.control.written = true;
}
void control_group(Draft& draft, const Item& item) { draft.config.shell.control.group = text_of(item); }
void admin(Draft& draft, const Item& item) {
  draft.admin_at = item.at;
  if (std::holds_alternative<Word>(item.value))
    draft.config.shell.admin.reset();
  else
    draft.config.shell.admin = value_of<sbc::Endpoint>(item);
}
void kernel(Draft& draft, const Item& item) {
  draft.kernel = Located<std::string>{std::string(word_of(item)), item.at};
  draft.config.shell.kernel = word_of(item) == "nftables" ? net::Kernel::nftables : net::Kernel::off;
}
void hep(Draft& draft, const Item& item) {
  const auto& server = value_of<SipAddress>(item);
  draft.config.shell.hep = sbc::Endpoint{*server.address, server.port};
  draft.hep_at = item.at;
}
void begin_alerts(Draft& draft, const Where& at, const std::string& /*name*/) {
  draft.alerts = {at, {}, {}};
  draft.config.shell.alerts.emplace();
}
void alerts_webhook(Draft& draft, const Item& item) {
  draft.config.shell.alerts->webhook = value_of<net::WebhookOptions>(item);
  draft.alerts->webhook_at = item.at;
}
void alerts_command(Draft& draft, const Item& item) {
  draft.config.shell.alerts->command = text_of(item);
  draft.alerts->command_at = item.at;
}
void alerts_min_interval(Draft& draft, const Item& item) {
  draft.config.shell.alerts->min_interval = value_of<std::chrono::milliseconds>(item);
}
void log_format(Draft& draft, const Item& item) {
  draft.config.shell.log.format = word_of(item) == "json" ? net::LogFormat::json : net::LogFormat::text;
}
void log_level(Draft& draft, const Item& item) {
  using net::LogLevel;
  const std::string_view word = word_of(item);
  draft.config.shell.log.level = word == "debug"     ? LogLevel::debug
                                 : word == "warning" ? LogLevel::warning
                                 : word == "error"   ? LogLevel::error
                                                     : LogLevel::info;
}

}  // namespace postern::config::store
