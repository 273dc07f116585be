// From the draft to the options: names looked up, files read, what must be unique or fit together checked.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "acl/geo.hpp"
#include "acl/networks.hpp"
#include "config/draft.hpp"
#include "config/located.hpp"

namespace postern::config {

/// What the rules and the later checks need of the resolved draft.
struct Resolved {
  std::map<std::string, std::vector<acl::Network>> networks;
  acl::Geo geo;
  std::set<std::string, std::less<>> used_groups;  ///< of device_groups, those that something names
  std::size_t expanded = 0;                        ///< networks that names were replaced by, in all: bounded
};

/// `path` as it is, or below the directory if it is relative.
std::string absolute_path(const std::string& directory, const std::string& path);

class Resolver {
 public:
  Resolver(Draft& draft, Report& report, std::string directory) : draft_(draft), report_(report), directory_(std::move(directory)) {}

  /// Fills draft.config, all but the rules' conditions.
  Resolved resolve();

 private:
  void listeners();
  void listener(const DraftListener& draft);
  void streams(const DraftListener& draft, sbc::ListenerOptions& listener);
  void advertise_to(const DraftListener& draft, sbc::ListenerOptions& listener);
  void pbx();
  void one_pbx_a_host();
  void pbx_by_stream();
  void networks();
  void dynamic_name(const DraftNetwork& draft, std::vector<acl::Network>& into);
  /// Where that is, which is noted.
  [[nodiscard]] std::string named_file(const std::string& written);
  void list_file(const DraftNetwork& draft, std::vector<acl::Network>& into);
  void list_problems(const std::string& path, const std::string& key, const acl::NetworkList& list);
  void trusted();
  void limits();
  void method_limit(const std::string& name, const DraftRate& draft, std::map<std::string, acl::Rate>& methods);
  void check_burst(const Where& at, double burst);
  void geo();
  void user_agents();
  void user_agent_set(const std::string& name, const std::vector<Located<std::string>>& patterns);
  /// Whether it compiles; reports it otherwise.
  bool compiles(const Located<std::string>& pattern);

  Draft& draft_;
  Report& report_;
  std::string directory_;
  Resolved resolved_;
  std::size_t bad_patterns_ = 0;
};

/// The groups of `device_groups`; reports patterns that cannot be compiled.
void resolve_device_groups(Draft& draft, Report& report);
/// Fills draft.config.policy.devices, one for one.
void resolve_devices(Draft& draft, Resolved& resolved, Report& report);
void resolve_emergency(Draft& draft, const Report& report);
/// Where the command is; reports one that cannot be run, and alerts that reach nobody or can be read on their way.
void resolve_alerts(Draft& draft, const std::string& directory, Report& report);
/// Marks the group, if the key is one. A key that is none and nearly one is a user, which the report doubts.
void note_device_key(const Located<std::string>& key, const Draft& draft, Resolved& resolved, Report& report);

/// Warns of a pattern as `calls` has them where one of a shell is meant, and of what no user can be called.
void doubt_pattern(const Located<std::string>& key, Report& report);
/// What is wrong with what acl::ShellPattern does not take.
std::string too_long_a_pattern();

/// Fills draft.config.policy.calls; reports classes that are not there.
void resolve_calls(Draft& draft, Resolved& resolved, Report& report);

/// The networks of a name, nullptr if there is none, which is reported.
const std::vector<acl::Network>* networks_named(const Located<NetworkRef>& reference, const Resolved& resolved, Report& report);
/// Is a network among these a DNS name? It has no address yet.
bool waits_for_a_name(const Draft& draft, const std::vector<Located<NetworkRef>>& references);
/// The networks that a reference means; an unknown name is reported and means none.
std::vector<acl::Network> networks_of(const Located<NetworkRef>& reference, Resolved& resolved, Report& report);

}  // namespace postern::config
