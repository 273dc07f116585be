// Rows 5 and 7: from probes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sbc/commands/audit_facts.hpp"

namespace postern::commands {
namespace {

using net::PortState;
using Kind = net::Probe::Kind;

constexpr std::string_view move_sip =
    "move SIP to a high port (VitalPBX: Settings > Technology Settings > PJSIP Settings and SIP Settings)";
constexpr std::string_view close_iax =
    "close IAX2 if no trunk needs it (VitalPBX: Settings > Technology Settings > IAX2 Settings, and Admin > Security > Firewall)";
constexpr std::string_view restrict_ssh = "restrict SSH to your own network (VitalPBX: Admin > Security > Firewall)";
constexpr std::string_view restrict_web = "restrict the web interface to your own network (VitalPBX: Admin > Security > Firewall)";
constexpr std::string_view close_ami = "close AMI: bind it to 127.0.0.1 (manager.conf: bindaddr; VitalPBX: Admin > Security > Firewall)";
constexpr std::string_view restrict_http =
    "restrict Asterisk's HTTP to where browsers' phones need it (VitalPBX: Admin > Security > Firewall)";
constexpr std::string_view close_sql =
    "close the database: bind it to 127.0.0.1 (my.cnf: bind-address; VitalPBX: Admin > Security > Firewall)";

constexpr std::array ports{AuditedPort{5060, Kind::sip_options, "SIP", move_sip, move_sip, true, true},
                           AuditedPort{5060, Kind::connect, "SIP", move_sip, move_sip, true, true},
                           AuditedPort{5061, Kind::connect, "SIP", move_sip, move_sip, true, true},
                           AuditedPort{5160, Kind::sip_options, "SIP", move_sip, move_sip, true, true},
                           AuditedPort{5160, Kind::connect, "SIP", move_sip, move_sip, true, true},
                           AuditedPort{4569, Kind::iax2_poke, "IAX2", close_iax, close_iax, true, false},
                           AuditedPort{22, Kind::connect, "SSH", restrict_ssh, restrict_ssh, false, false},
                           AuditedPort{80, Kind::connect, "web", restrict_web, restrict_web, false, false},
                           AuditedPort{443, Kind::connect, "web", restrict_web, restrict_web, false, false},
                           AuditedPort{5038, Kind::connect, "AMI", close_ami, close_ami, true, false},
                           AuditedPort{8088, Kind::connect, "HTTP", restrict_http, restrict_http, false, false},
                           AuditedPort{8089, Kind::connect, "HTTPS", restrict_http, restrict_http, false, false},
                           AuditedPort{3306, Kind::connect, "SQL", close_sql, close_sql, true, false}};

std::string name_of(const AuditedPort& port) {
  return fmt::format("{} {}/{}", port.name, port.port, port.kind == Kind::connect ? "tcp" : "udp");
}

/// "closed: SIP 5060/udp, ...; filtered: ..."
std::string all_of(const PortStates& states) {
  std::string out;
  for (const PortState state : {PortState::open, PortState::closed, PortState::filtered}) {
    std::string names;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i] == state) names += (names.empty() ? "" : ", ") + name_of(ports.at(i));
    }
    if (!names.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", to_string(state), names);
  }
  return out;
}

bool is_listener_at(const sbc::ListenerOptions& listener, const AuditedPort& port) {
  return listener.bind.port == port.port && sbc::is_datagram(listener.transport) != (port.kind == Kind::connect);
}

bool is_own_listener(const AuditFacts& facts, const AuditedPort& port) {
  return std::ranges::any_of(facts.config.engine.listeners,
                             [&](const sbc::ListenerOptions& listener) { return is_listener_at(listener, port); });
}

/// The PBX is on this host, and what answers there is Postern.
bool is_own_at_pbx(const AuditFacts& facts, const AuditedPort& port) {
  const acl::Address& pbx = facts.config.engine.pbx.addresses.front().address;
  if (!pbx.is_loopback() && facts.bind != pbx.to_string()) return false;
  return std::ranges::any_of(facts.config.engine.listeners, [&](const sbc::ListenerOptions& listener) {
    return is_listener_at(listener, port) && (listener.bind.address.is_unspecified() || listener.bind.address == pbx);
  });
}

void look_at_pbx(const AuditFacts& facts, Findings& findings) {
  const bool answers = std::ranges::any_of(facts.pbx, [](PortState state) { return state != PortState::filtered; }) ||
                       facts.pbx_from_bind == PortState::open;
  if (facts.pbx.empty() || !answers) {
    findings.not_seen("what listens on the PBX: nothing there answers this host");
    return;
  }
  findings.ok("the PBX, " + all_of(facts.pbx));
  for (std::size_t i = 0; i < facts.pbx.size(); ++i) {
    if (facts.pbx[i] != PortState::open || is_own_at_pbx(facts, ports.at(i))) continue;
    const std::string evidence = fmt::format("the PBX shows {} to this host", name_of(ports.at(i)));
    if (ports.at(i).fails_on_core)
      findings.fail(evidence, std::string(ports.at(i).core_remedy));
    else
      findings.warn(evidence, std::string(ports.at(i).core_remedy));
  }
}

void look_at_outside(const AuditFacts& facts, Findings& findings) {
  if (facts.outside_address.empty()) {
    findings.not_seen("what the internet can reach", "run `postern audit --from-outside ADDRESS` on a machine outside");
    return;
  }
  findings.ok(fmt::format("{} from here, {}", facts.outside_address, all_of(facts.outside)));
  for (std::size_t i = 0; i < facts.outside.size(); ++i) {
    if (facts.outside[i] != PortState::open || is_own_listener(facts, ports.at(i))) continue;
    findings.fail(fmt::format("{} shows {} to the outside", facts.outside_address, name_of(ports.at(i))),
                  std::string(ports.at(i).outside_remedy));
  }
}

/// Of Postern's own host: what listens beyond loopback, is not Postern's, and has no business there. Who may reach SSH and the web is a
/// matter of its firewall, which does not show in what listens.
void look_at_host(const AuditFacts& facts, Findings& findings) {
  if (facts.here.empty()) {
    findings.not_seen("what listens on this host: the kernel's tables name nothing");
    return;
  }
  std::string names;
  for (const AuditedPort& port : ports) {
    if (!port.fails_on_core) continue;
    const bool tcp = port.kind == Kind::connect;
    const bool listens = std::ranges::any_of(facts.here, [&](const net::ListeningPort& here) {
      return here.tcp == tcp && here.port == port.port && !here.address.is_loopback();
    });
    if (!listens || is_own_listener(facts, port)) continue;
    names += (names.empty() ? "" : ", ") + name_of(port);
  }
  if (names.empty())
    findings.ok("on this host none of SIP, IAX2, AMI and SQL listens beside Postern");
  else
    findings.warn(fmt::format("on this host listens {}", names), "close or restrict it by this host's firewall");
}

/// What the PBX's firewall is to do, and how it is taken back. All else, RTP, SSH and the web interface, stays as it is.
std::string firewall_snippet(const AuditFacts& facts) {
  const sbc::Endpoint& pbx = facts.config.engine.pbx.addresses.front();
  const bool v4 = pbx.address.is_v4();
  const std::string protocol = sbc::is_datagram(facts.config.engine.pbx.transport) ? "udp" : "tcp";
  return fmt::format(
      "on the PBX (RTP, SSH and the web interface are not touched; add your providers' networks to the set):\n"
      "nft -f - <<'END'\n"
      "table inet postern_only {{\n"
      "  set sip_peers {{ type {0}; flags interval; elements = {{ {1} }}; }}\n"
      "  chain input {{\n"
      "    type filter hook input priority -5; policy accept;\n"
      "    {2} dport {3} {4} saddr != @sip_peers drop\n"
      "  }}\n"
      "}}\n"
      "END\n"
      "to take it back: nft delete table inet postern_only\n"
      "with firewalld (the first line once more for each network of your providers):\n"
      "firewall-cmd --permanent --add-rich-rule='rule priority=\"-6\" family=\"{5}\" source address=\"{1}\" port port=\"{3}\" "
      "protocol=\"{2}\" accept'\n"
      "firewall-cmd --permanent --add-rich-rule='rule priority=\"-5\" family=\"{5}\" port port=\"{3}\" protocol=\"{2}\" drop'\n"
      "firewall-cmd --reload\n"
      "to take it back: the same with --remove-rich-rule (VitalPBX: Admin > Security > Firewall shows both)",
      v4 ? "ipv4_addr" : "ipv6_addr", facts.bind, protocol, pbx.port, v4 ? "ip" : "ip6", v4 ? "ipv4" : "ipv6");
}

void look_at_bind(const AuditFacts& facts, Findings& findings) {
  const auto address = acl::Address::parse(facts.bind);
  const auto strangers = facts.daemon.value("not_pbx", std::uint64_t{0});
  const std::string remedy =
      fmt::format("let {} be reached by the PBX alone, by this host's firewall, or give `pbx.bind` a private address", facts.bind);
  if (!address) {
    findings.not_seen("which address the PBX sees: name it in `pbx.bind`");
  } else if (strangers > 0) {
    findings.fail(fmt::format("{} packets of strangers came to {}, where only the PBX should get through", strangers, facts.bind), remedy);
  } else if (address->is_private()) {
    findings.ok(fmt::format("bind {} is a private address, and no stranger's packet came there", facts.bind));
  } else {
    findings.not_seen(fmt::format("whether a firewall stands before {}, a public address", facts.bind), remedy);
  }
}

std::string addresses_of(const std::vector<OtherAddress>& others) {
  std::vector<std::string> addresses;
  addresses.reserve(others.size());
  for (const OtherAddress& other : others) addresses.push_back(other.address);
  return listed(addresses);
}

/// Something of that address has come through the daemon, and it has not fallen silent.
bool answers_daemon(const AuditFacts& facts, const std::string& pbx) {
  const auto all = facts.daemon.value("pbx", nlohmann::ordered_json::array());
  return facts.daemon.value("shown", std::uint64_t{0}) > 0 && std::ranges::any_of(all, [&](const auto& entry) {
           return entry.value("address", std::string()) == pbx && entry.value("up", false);
         });
}

/// Whether it answers others than Postern.
void look_at_others(const AuditFacts& facts, Findings& findings) {
  const std::string pbx = facts.config.engine.pbx.addresses.front().to_string();
  const auto& others = facts.others;
  const auto answered = std::ranges::find(others, PortState::open, &OtherAddress::sip);
  const auto shut = std::ranges::find_if(others, &OtherAddress::has_way_back);
  if (answered != others.end())
    findings.fail(fmt::format("{} answers SIP from {}, which is not Postern's address", pbx, answered->address), firewall_snippet(facts));
  else if (others.empty())
    findings.not_seen("whether the PBX answers others: this host has no other address to ask from", firewall_snippet(facts));
  else if (facts.pbx_from_bind != PortState::open && !answers_daemon(facts, pbx))
    findings.not_seen(fmt::format("whether {} answers others: it answers nobody now", pbx));
  else if (shut == others.end())
    findings.not_seen(fmt::format("whether {} answers others: its host answers nothing at all to {}, to which it may have no way back", pbx,
                                  addresses_of(others)),
                      firewall_snippet(facts));
  else
    findings.ok(fmt::format("{} answers {}, and does not answer {}, which its host can reach", pbx, facts.bind, shut->address));
}

}  // namespace

std::span<const AuditedPort> audited_ports() { return ports; }

AuditRow audit_open_ports(const AuditFacts& facts) {
  Findings findings;
  look_at_pbx(facts, findings);
  look_at_host(facts, findings);
  look_at_outside(facts, findings);
  return findings.row();
}

AuditRow audit_pbx_access(const AuditFacts& facts) {
  Findings findings;
  look_at_others(facts, findings);
  look_at_bind(facts, findings);
  return findings.row();
}

}  // namespace postern::commands
