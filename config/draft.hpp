// What the file says, value by value, before names are resolved and values are held against each other.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "config/located.hpp"
#include "config/values.hpp"

namespace postern::config {

template <class T>
struct DraftCondition {
  using value_type = T;
  std::vector<Located<T>> values;
  bool negated = false;
};

struct DraftConditions {
  std::optional<DraftCondition<NetworkRef>> source;
  std::optional<DraftCondition<acl::Country>> country;
  std::optional<DraftCondition<Asn>> asn;
  std::optional<DraftCondition<std::string>> user_agent;
  std::optional<DraftCondition<std::string>> methods;
  std::optional<DraftCondition<std::string>> listener;
  std::optional<DraftCondition<std::string>> transport;
  std::optional<DraftCondition<std::string>> from_user;
  std::optional<DraftCondition<std::string>> to_user;
  std::optional<DraftCondition<std::string>> request_user;
  std::optional<DraftCondition<bool>> registered;
};

struct DraftRule {
  Where at;
  std::string name;
  DraftConditions when;
  DraftConditions unless;
  std::optional<Where> unless_at;
  Located<acl::Action> action;
  std::optional<Located<int>> status;
  std::optional<Located<std::chrono::seconds>> ban_time;
  bool log_only = false;
};

struct DraftTls {
  Where at;
  sbc::TlsOptions options;   ///< paths as written
  std::vector<Where> files;  ///< where they stand
};

struct DraftListener {
  Where at;
  Located<SipAddress> address;
  Located<std::string> name;  ///< empty: none written
  std::optional<sbc::HostPort> advertise;
  std::vector<std::pair<Located<std::string>, sbc::HostPort>> advertise_to;  ///< by network
  std::optional<DraftTls> tls;
  std::vector<std::string> origins;
  bool trap = false;
};

/// One source of a named network's addresses.
struct DraftNetwork {
  Where at;
  std::optional<acl::Network> network;
  std::string file;  ///< as written; empty: none
  std::string host;  ///< a DNS name; empty: none
};

struct DraftDevice {
  Located<std::string> key;
  std::vector<Located<NetworkRef>> permit, deny;
  std::vector<Located<std::string>> listeners;
  std::string extension;
};

struct DraftDialClass {
  Located<std::string> name;
  std::vector<Located<std::string>> patterns;
};

struct DraftAllowance {
  Where at;
  std::vector<Located<NetworkRef>> source;
  bool from_anywhere = true;
  std::vector<Located<std::string>> devices, classes;
};

struct DraftCalls {
  Where at;
  std::vector<DraftDialClass> classes;  ///< in file order, as the next
  std::vector<DraftAllowance> allow;
  std::optional<int> deny_status;
};

struct DraftPolicyTest {
  Where at;
  PolicyTest test;
  Located<std::string> listener;  ///< by name; empty: none written
};

/// The rest of it goes straight into the options.
struct DraftAlerts {
  Where at;
  std::optional<Where> webhook_at;
  std::optional<Where> command_at;
};

struct DraftRate {
  Where at;
  bool off = false;
  std::optional<double> per_second;
  std::optional<double> burst;
};

struct Draft {
  std::vector<DraftListener> listeners;
  std::vector<Located<SipAddress>> pbx;
  std::optional<Located<sbc::Endpoint>> pbx_bind;
  std::optional<Located<std::string>> pbx_ca;
  std::optional<Located<std::string>> health_check_user;
  std::optional<Located<acl::Address>> media_address;
  std::map<std::string, std::vector<DraftNetwork>> networks;
  std::map<std::string, Located<std::chrono::milliseconds>> name_refresh;  ///< by the path of the map that it stands in
  NameAnswers answers;                                                     ///< to the names
  std::vector<Located<NetworkRef>> trusted;
  std::vector<Located<acl::Network>> trunk_networks;  ///< trunks do nothing yet, but rules that refuse them are worth a warning
  std::optional<Located<std::string>> country_database;
  std::optional<Located<std::string>> asn_database;
  std::map<std::string, std::vector<Located<std::string>>> user_agents;
  std::vector<DraftRule> rules;
  std::map<std::string, std::vector<Located<std::string>>> device_groups;
  std::vector<DraftDevice> devices;  ///< in file order
  std::optional<std::vector<Located<std::string>>> emergency, emergency_prefixes;
  std::vector<Located<std::string>> trap_extensions;
  std::vector<DraftPolicyTest> policy_tests;
  std::optional<DraftCalls> calls;
  std::map<std::string, DraftRate> method_rates, device_rates;
  std::optional<Where> limits_at;
  std::optional<Where> default_action_at;
  std::optional<Where> jail_off_at;
  std::optional<Where> admin_at;
  std::optional<Located<std::string>> kernel;
  std::optional<Where> hep_at;
  std::optional<DraftAlerts> alerts;
  std::optional<Where> workers_at;
  std::optional<Where> registers_registered_only;  ///< where registered_only names REGISTER
  Settings held;                                   ///< what a reload cannot change
  Config config;                                   ///< what needs no second look goes straight in here
};

}  // namespace postern::config
