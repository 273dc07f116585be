#include "sbc/commands/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <span>
#include <system_error>
#include <thread>
#include <variant>

#include "config/located.hpp"
#include "sbc/commands/audit_facts.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/problems.hpp"
#include "sbc/net/control_client.hpp"
#include "sbc/net/host_addresses.hpp"
#include "sbc/net/socket_address.hpp"
#include "sip/user.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;
using Kind = net::Probe::Kind;

struct Practice {
  std::string_view text;
  AuditRow (*row)(const AuditFacts&);
};
constexpr std::array practices{
    Practice{"no device registers with a password equal to its user name, its extension or a common word", audit_passwords},
    Practice{"devices have permit or deny networks", audit_networks},
    Practice{"devices are bound to a network or listener", audit_bindings},
    Practice{"the PBX is not on a default port, and nothing that leaves names it", audit_hiding},
    Practice{"what listens on Postern and on the PBX", audit_open_ports},
    Practice{"destinations are limited by class of service", audit_destinations},
    Practice{"the PBX accepts SIP only from Postern and its trunks", audit_pbx_access},
    Practice{"the jail is on and enforced, and the PBX does not ban Postern", audit_jail},
};

constexpr std::size_t most_others = 3;  // of containers' bridges there may be many

const char* to_string(AuditStatus status) { return status == AuditStatus::ok ? "ok" : status == AuditStatus::warn ? "warn" : "fail"; }

/// The daemon's answers, or why there are none. Registrations come first: of each that is listed the other answer tells.
void ask_daemon(AuditFacts& facts) {
  for (const auto& [command, into] : {std::pair("registrations", &facts.registrations), {"audit", &facts.daemon}}) {
    auto answer = net::ask_daemon(facts.config.shell.control.path, command);
    if (const auto* none = std::get_if<net::NoAnswer>(&answer)) {
      facts.no_daemon = config::printable(none->message);
      facts.daemon = ordered_json::object();
      facts.registrations = ordered_json::array();
      return;
    }
    *into = std::get<ordered_json>(std::move(answer));
  }
}

std::string address_of_bind(const sbc::PbxOptions& pbx) {
  try {
    return (pbx.bind ? pbx.bind->address : net::local_address_toward(pbx.addresses.front())).to_string();
  } catch (const std::system_error&) {
    return {};  // no route
  }
}

/// Other addresses of this host, which the PBX may see.
std::vector<acl::Address> other_addresses(const acl::Address& pbx, const std::string& bind) {
  std::vector<acl::Address> found;
  for (const acl::Address& address : net::interface_addresses()) {
    const bool link_local = !address.is_v4() && address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0U) == 0x80;
    if (address.is_v4() != pbx.is_v4() || address.is_loopback() != pbx.is_loopback() || link_local) continue;
    if (address.to_string() != bind && address != pbx && found.size() < most_others) found.push_back(address);
  }
  return found;
}

/// One of the PBX's host that is not for SIP, and that answers this host if any does: what comes of it shows a way back.
sbc::Endpoint port_to_answer(const sbc::Endpoint& pbx, const PortStates& states) {
  const std::span<const AuditedPort> ports = audited_ports();
  const auto fits = [&](std::size_t i) { return ports[i].kind == Kind::connect && !ports[i].sip && ports[i].port != pbx.port; };
  std::optional<std::uint16_t> first;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!fits(i)) continue;
    if (states[i] != net::PortState::filtered) return {pbx.address, ports[i].port};
    if (!first) first = ports[i].port;
  }
  return {pbx.address, *first};
}

bool is_local(const std::string& text) {
  return std::ranges::any_of(net::interface_addresses(), [&](const acl::Address& address) { return address.to_string() == text; }) ||
         text.starts_with("127.");
}

/// One that the PBX knows.
std::string known_user(const AuditFacts& facts) {
  if (const auto& user = facts.config.engine.pbx.health_check_user) return *user;
  const std::vector<std::string> devices = facts.devices();
  const auto found = std::ranges::find_if(devices, [](const std::string& user) { return sip::is_uri_user(user); });
  return found == devices.end() ? std::string() : *found;
}

/// All probes, in one row.
class Probing {
 public:
  explicit Probing(AuditFacts& facts) : facts_(facts), user_(known_user(facts)) {}

  void run() {
    const sbc::Endpoint& pbx = facts_.config.engine.pbx.addresses.front();
    // What the PBX's own fail2ban would take for an attacker's is not sent.
    const bool asks_pbx = !user_.empty();
    const std::size_t at_pbx = asks_pbx ? add_ports(pbx.address) : 0;
    std::optional<std::size_t> from_bind;
    if (asks_pbx && is_local(facts_.bind)) from_bind = add({kind_of_pbx(), pbx, acl::Address::parse(facts_.bind)});
    const auto outside = acl::Address::parse(facts_.outside_address);
    const std::size_t at_outside = outside ? add_ports(*outside) : 0;
    const std::vector<acl::Address> others = asks_pbx ? other_addresses(pbx.address, facts_.bind) : std::vector<acl::Address>();
    total_ = probes_.size() + others.size() * probes_an_other;
    send();
    if (asks_pbx) facts_.pbx = part(at_pbx);
    if (outside) facts_.outside = part(at_outside);
    if (from_bind) facts_.pbx_from_bind = states_[*from_bind];
    if (!others.empty()) ask_from(others, pbx);
  }

 private:
  static constexpr std::size_t probes_an_other = 2;

  [[nodiscard]] Kind kind_of_pbx() const {
    return sbc::is_datagram(facts_.config.engine.pbx.transport) ? Kind::sip_options : Kind::connect;
  }
  std::size_t add(const net::Probe& probe) {
    probes_.push_back(probe);
    return probes_.size() - 1;
  }
  std::size_t add_ports(const acl::Address& address) {
    const std::size_t first = probes_.size();
    for (const AuditedPort& port : audited_ports()) add({port.kind, {address, port.port}, {}});
    return first;
  }
  [[nodiscard]] PortStates part(std::size_t first) const {
    const auto begin = states_.begin() + static_cast<std::ptrdiff_t>(first);
    return {begin, begin + static_cast<std::ptrdiff_t>(audited_ports().size())};
  }
  /// Once it is known which ports answer.
  void ask_from(const std::vector<acl::Address>& others, const sbc::Endpoint& pbx) {
    const sbc::Endpoint answers = port_to_answer(pbx, facts_.pbx);
    std::size_t at = probes_.size();
    for (const acl::Address& other : others) {
      add({kind_of_pbx(), pbx, other});
      add({Kind::connect, answers, other});
    }
    std::this_thread::sleep_for(net::ProbeOptions().between);
    send();
    for (const acl::Address& other : others) {
      facts_.others.push_back({other.to_string(), states_[at], states_[at + 1]});
      at += probes_an_other;
    }
  }
  /// Those that were added since the last time.
  void send() {
    const std::size_t before = states_.size();
    net::ProbeOptions options;
    options.user = user_;
    options.progress = [this, before](std::size_t of_these) {
      const std::size_t sent = before + of_these;
      if (sent == 1 || sent == total_ || sent % 5 == 0) std::cerr << fmt::format("probing: {} of {}\n", sent, total_);
    };
    const std::vector<net::PortState> states = net::probe(std::span(probes_).subspan(before), options);
    states_.insert(states_.end(), states.begin(), states.end());
  }

  AuditFacts& facts_;
  std::string user_;
  std::vector<net::Probe> probes_;
  std::vector<net::PortState> states_;
  std::size_t total_ = 0;
};

void print(const std::vector<AuditRow>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const AuditRow& row = rows[i];
    std::cout << fmt::format("{} {:4} {}\n       {}\n", i + 1, to_string(row.status), practices.at(i).text,
                             config::printable(row.evidence));
    std::string remedy = row.remedy;
    for (std::size_t at = 0; (at = remedy.find('\n', at)) != std::string::npos; at += 8) remedy.replace(at, 1, "\n       ");
    if (!remedy.empty()) std::cout << "       -> " << remedy << '\n';
  }
}

ordered_json json_of(const std::vector<AuditRow>& rows) {
  ordered_json json = ordered_json::array();
  for (std::size_t i = 0; i < rows.size(); ++i)
    json.push_back({{"number", i + 1},
                    {"practice", practices.at(i).text},
                    {"status", to_string(rows[i].status)},
                    {"evidence", rows[i].evidence},
                    {"remedy", rows[i].remedy}});
  return json;
}

}  // namespace

Audit::Audit(CLI::App& app, std::string& file)
    : file_(file),
      command_(app.add_subcommand("audit", "Check this host, the PBX and the running daemon against the list of best practices")) {
  command_->add_option("-c,--config", file_, "the daemon's configuration")->capture_default_str();
  command_->add_flag("--json", json_, "print a JSON array");
  command_->add_option("--from-outside", outside_, "probe this address as well, as the internet sees it: run it on a machine outside");
  command_->footer(
      "Examples:\n  postern audit -c /etc/postern/postern.yaml\n  postern audit -c /etc/postern/postern.yaml --from-outside 203.0.113.9 "
      "--json\n\n"
      "Ports of the PBX are probed, at most five a second and never with a login.\n\n"
      "Exit status: 0 nothing failed, 1 something failed.");
}

int Audit::run() {
  if (!outside_.empty() && !acl::Address::parse(outside_)) {
    std::cerr << "postern: --from-outside: " << config::in_quotes(outside_) << " is no IP address\n";
    return exit_usage;
  }
  const config::LoadResult loaded = config::load_file(file_);
  if (!loaded.ok()) {
    print_problems(loaded.problems);
    return exit_failed;
  }
  AuditFacts facts(loaded);
  facts.outside_address = outside_;
  facts.bind = address_of_bind(loaded.config.engine.pbx);
  facts.here = net::listening_ports();
  ask_daemon(facts);
  Probing(facts).run();
  std::vector<AuditRow> rows;
  rows.reserve(practices.size());
  for (const Practice& practice : practices) rows.push_back(practice.row(facts));
  if (json_)
    std::cout << json_of(rows).dump(2, ' ', true, ordered_json::error_handler_t::replace) << '\n';
  else
    print(rows);
  const bool failed = std::ranges::any_of(rows, [](const AuditRow& row) { return row.status == AuditStatus::fail; });
  return failed ? exit_failed : exit_good;
}

}  // namespace postern::commands
