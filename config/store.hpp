// Where the schema's values go: one small function for each kind of place in the draft. Used by the schema's rows alone.
#pragma once

#include <chrono>
#include <string>

#include "config/schema.hpp"

namespace postern::config::store {

inline constexpr unsigned most_workers = 64;

/// draft.config.*A.*B = the value
template <auto Outer, auto Inner, class T>
void set(Draft& draft, const Item& item) {
  (draft.config.*Outer).*Inner = std::get<T>(item.value);
}

DraftConditions& conditions(Draft& draft, const Item& item);

template <auto Member>
void condition(Draft& draft, const Item& item) {
  auto& kept = conditions(draft, item).*Member;
  using Kept = typename std::remove_reference_t<decltype(kept)>::value_type;
  if (!kept) kept.emplace();
  kept->negated = item.negated;
  kept->values.push_back({std::get<typename Kept::value_type>(item.value), item.at});
}

/// The rate or the burst of one limit; `off` takes the limit away.
template <auto Limit>
void limit(Draft& draft, const Item& /*item*/) {
  (draft.config.engine.limits.*Limit).reset();
}
template <auto Limit>
void limit_rate(Draft& draft, const Item& item) {
  (draft.config.engine.limits.*Limit)->per_second = std::get<RateValue>(item.value).per_second;
}
template <auto Limit>
void limit_burst(Draft& draft, const Item& item) {
  (draft.config.engine.limits.*Limit)->burst = static_cast<double>(std::get<std::int64_t>(item.value));
}

void begin_listener(Draft& draft, const Where& at, const std::string& name);
void listener_address(Draft& draft, const Item& item);
void listener_name(Draft& draft, const Item& item);
void listener_advertise(Draft& draft, const Item& item);
void listener_advertise_to(Draft& draft, const Item& item);
void listener_origin(Draft& draft, const Item& item);
void listener_trap(Draft& draft, const Item& item);
void begin_tls(Draft& draft, const Where& at, const std::string& name);
template <auto Member>
void tls_file(Draft& draft, const Item& item) {
  DraftTls& tls = *draft.listeners.back().tls;
  tls.options.*Member = std::get<std::string>(item.value);
  tls.files.push_back(item.at);
}
void tls_min_version(Draft& draft, const Item& item);

void pbx_address(Draft& draft, const Item& item);
void pbx_bind(Draft& draft, const Item& item);
void pbx_domain(Draft& draft, const Item& item);
void pbx_public_domain(Draft& draft, const Item& item);
void pbx_media_address(Draft& draft, const Item& item);
void pbx_health_check(Draft& draft, const Item& item);
void keepalive(Draft& draft, const Item& item);
void pbx_ca(Draft& draft, const Item& item);
void pbx_health_check_user(Draft& draft, const Item& item);
void pbx_timeout(Draft& draft, const Item& item);
void workers(Draft& draft, const Item& item);

void trunk_network(Draft& draft, const Item& item);
void begin_network(Draft& draft, const Where& at, const std::string& name);
void network(Draft& draft, const Item& item);
void network_name(Draft& draft, const Item& item);
void network_refresh(Draft& draft, const Item& item);
void network_file(Draft& draft, const Item& item);
void trusted(Draft& draft, const Item& item);
void country_database(Draft& draft, const Item& item);
void asn_database(Draft& draft, const Item& item);
void begin_user_agents(Draft& draft, const Where& at, const std::string& name);
void user_agent(Draft& draft, const Item& item);

void begin_rule(Draft& draft, const Where& at, const std::string& name);
void begin_unless(Draft& draft, const Where& at, const std::string& name);
void rule_name(Draft& draft, const Item& item);
void rule_action(Draft& draft, const Item& item);
void rule_status(Draft& draft, const Item& item);
void rule_ban_time(Draft& draft, const Item& item);
void rule_log_only(Draft& draft, const Item& item);
void default_action(Draft& draft, const Item& item);

void device_group(Draft& draft, const Item& item);
void device_permit(Draft& draft, const Item& item);
void device_deny(Draft& draft, const Item& item);
void device_listener(Draft& draft, const Item& item);
void device_extension(Draft& draft, const Item& item);
/// Written at all, if only as an empty list, they take the place of the default.
template <auto Member>
void begin_numbers(Draft& draft, const Where& /*at*/, const std::string& /*name*/) {
  (draft.*Member).emplace();
}
template <auto Member>
void number(Draft& draft, const Item& item) {
  (draft.*Member)->push_back({std::get<std::string>(item.value), item.at});
}
void registered_only(Draft& draft, const Item& item);
void weak_passwords(Draft& draft, const Item& item);

void begin_calls(Draft& draft, const Where& at, const std::string& name);
void dial_pattern(Draft& draft, const Item& item);
void begin_allowance(Draft& draft, const Where& at, const std::string& name);
void begin_allowed_source(Draft& draft, const Where& at, const std::string& name);
void allowed_source(Draft& draft, const Item& item);
template <auto Member>
void allowed(Draft& draft, const Item& item) {
  (draft.calls->allow.back().*Member).push_back({std::get<std::string>(item.value), item.at});
}
void deny_status(Draft& draft, const Item& item);
void enforce(Draft& draft, const Item& item);
void redirects(Draft& draft, const Item& item);

void begin_limits(Draft& draft, const Where& at, const std::string& name);
void methods_off(Draft& draft, const Item& item);
void device_limits_off(Draft& draft, const Item& item);
/// Of a limit by method: what is written, to be held against its defaults later.
template <auto Rates>
void begin_method_rate(Draft& draft, const Where& at, const std::string& name) {
  (draft.*Rates)[name].at = at;
}
template <auto Rates>
void method_off(Draft& draft, const Item& item) {
  (draft.*Rates)[item.name.value].off = true;
}
template <auto Rates>
void method_rate(Draft& draft, const Item& item) {
  (draft.*Rates)[item.name.value].per_second = std::get<RateValue>(item.value).per_second;
}
template <auto Rates>
void method_burst(Draft& draft, const Item& item) {
  (draft.*Rates)[item.name.value].burst = static_cast<double>(std::get<std::int64_t>(item.value));
}
/// A count, or `off`.
template <auto Limit>
void count_limit(Draft& draft, const Item& item) {
  auto& limit = draft.config.engine.limits.*Limit;
  limit.reset();
  if (const auto* count = std::get_if<std::int64_t>(&item.value)) limit = static_cast<std::size_t>(*count);
}
void concurrent_calls_off(Draft& draft, const Item& item);
void tracked_sources(Draft& draft, const Item& item);

void score_off(Draft& draft, const Item& item);
void score_ban(Draft& draft, const Item& item);
void jail_off(Draft& draft, const Item& item);
template <auto Member>
void jail_number(Draft& draft, const Item& item) {
  draft.config.engine.jail.failed.*Member = static_cast<std::uint32_t>(std::get<std::int64_t>(item.value));
}
/// Of a duration, in whole seconds.
std::chrono::seconds seconds_of(const Item& item);
template <auto Member>
void jail_time(Draft& draft, const Item& item) {
  draft.config.engine.jail.failed.*Member = seconds_of(item);
}
void jail_ban_time(Draft& draft, const Item& item);
void jail_increment_off(Draft& draft, const Item& item);
void jail_increment_factor(Draft& draft, const Item& item);
void jail_increment_max(Draft& draft, const Item& item);
template <auto Limit>
void jail_limit_off(Draft& draft, const Item& /*item*/) {
  (draft.config.engine.jail.*Limit).reset();
}
template <auto Limit>
void jail_limit_number(Draft& draft, const Item& item) {
  (draft.config.engine.jail.*Limit)->max_retry = static_cast<std::uint32_t>(std::get<std::int64_t>(item.value));
}
template <auto Limit>
void jail_limit_time(Draft& draft, const Item& item) {
  (draft.config.engine.jail.*Limit)->find_time = seconds_of(item);
}
void trap_extension(Draft& draft, const Item& item);

void begin_policy_test(Draft& draft, const Where& at, const std::string& name);
template <auto Member>
void test_sketch(Draft& draft, const Item& item) {
  draft.policy_tests.back().test.request.*Member = std::get<std::string>(item.value);
}
void test_name(Draft& draft, const Item& item);
void test_source(Draft& draft, const Item& item);
void test_transport(Draft& draft, const Item& item);
void test_listener(Draft& draft, const Item& item);
void test_registered(Draft& draft, const Item& item);
void test_expect(Draft& draft, const Item& item);

void control_path(Draft& draft, const Item& item);
void control_group(Draft& draft, const Item& item);
void admin(Draft& draft, const Item& item);
void kernel(Draft& draft, const Item& item);
void hep(Draft& draft, const Item& item);
void begin_alerts(Draft& draft, const Where& at, const std::string& name);
void alerts_webhook(Draft& draft, const Item& item);
void alerts_command(Draft& draft, const Item& item);
void alerts_min_interval(Draft& draft, const Item& item);
void log_format(Draft& draft, const Item& item);
void log_level(Draft& draft, const Item& item);

}  // namespace postern::config::store
