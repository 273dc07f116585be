// What `postern audit` has found out, and what it makes of that: eight rows (docs/operations.md).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "sbc/net/probe.hpp"

namespace postern::commands {

enum class AuditStatus : std::uint8_t { ok, warn, fail };

struct AuditRow {
  AuditStatus status = AuditStatus::ok;
  std::string evidence;
  std::string remedy;  ///< empty: nothing to do
};

/// Several findings of one row: the worst is the row's, and each says its own.
class Findings {
 public:
  void ok(const std::string& evidence) { add(AuditStatus::ok, evidence, {}); }
  void warn(const std::string& evidence, const std::string& remedy = {}) { add(AuditStatus::warn, evidence, remedy); }
  void fail(const std::string& evidence, const std::string& remedy) { add(AuditStatus::fail, evidence, remedy); }
  /// What cannot be seen is never ok.
  void not_seen(const std::string& what, const std::string& remedy = {}) { warn("not seen: " + what, remedy); }
  [[nodiscard]] AuditRow row() const { return row_; }

 private:
  void add(AuditStatus status, const std::string& evidence, const std::string& remedy);
  AuditRow row_;
};

/// A service whose port is looked for, and what is to be done if it is found.
struct AuditedPort {
  std::uint16_t port;
  net::Probe::Kind kind;
  std::string_view name;
  std::string_view core_remedy;     ///< on the PBX, seen from Postern's host
  std::string_view outside_remedy;  ///< seen from the internet
  bool fails_on_core;  ///< it has no business to be reached from there; else it is worth a warning, and nothing on Postern's host
  bool sip;
};
std::span<const AuditedPort> audited_ports();

/// By audited_ports(); empty: not probed.
using PortStates = std::vector<net::PortState>;

/// An address of this host that is not the one that the PBX sees of Postern, and what the PBX makes of it.
struct OtherAddress {
  std::string address;
  net::PortState sip;    ///< of its own port, asked as from Postern's address
  net::PortState other;  ///< of a port of its host that is not for SIP

  /// Silence means that something is shut only where anything can come back.
  [[nodiscard]] bool has_way_back() const { return sip != net::PortState::filtered || other != net::PortState::filtered; }
};

struct AuditFacts {
  explicit AuditFacts(const config::LoadResult& from) : loaded(from), config(from.config) {}  ///< which must outlive it

  const config::LoadResult& loaded;
  const config::Config& config;
  std::string no_daemon;                         ///< why the daemon told nothing; empty: it did
  nlohmann::ordered_json daemon, registrations;  ///< its answers to `audit` and `registrations`
  std::string bind;                              ///< the address that the PBX sees
  PortStates pbx;                                ///< of the PBX's first address, from this host
  PortStates outside;                            ///< of --from-outside
  std::string outside_address;                   ///< empty: not asked for
  std::vector<net::ListeningPort> here;          ///< on this host
  std::optional<net::PortState> pbx_from_bind;   ///< OPTIONS to the PBX's own port from Postern's address and another port
  std::vector<OtherAddress> others;              ///< some; empty: there is none, or they were not asked from

  /// Users that are registered, each once.
  [[nodiscard]] std::vector<std::string> devices() const;
};

/// "1001, 1002 and 7 more".
std::string listed(std::span<const std::string> words);

AuditRow audit_passwords(const AuditFacts& facts);     // 1
AuditRow audit_networks(const AuditFacts& facts);      // 2
AuditRow audit_bindings(const AuditFacts& facts);      // 3
AuditRow audit_hiding(const AuditFacts& facts);        // 4
AuditRow audit_open_ports(const AuditFacts& facts);    // 5
AuditRow audit_destinations(const AuditFacts& facts);  // 6
AuditRow audit_pbx_access(const AuditFacts& facts);    // 7
AuditRow audit_jail(const AuditFacts& facts);          // 8

}  // namespace postern::commands
