#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "acl/file_descriptor.hpp"
#include "config/checks.hpp"

namespace postern::config {
namespace {

/// Asks the kernel, which also knows of non-local binds and of 127/8. True if in doubt.
bool host_has(const acl::Address& address) {
  if (address.is_unspecified()) return true;
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  const acl::FileDescriptor socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return true;
  int result = 0;
  if (address.is_v4()) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(address.v4_value());
    result = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  } else {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    std::memcpy(&name.sin6_addr, address.bytes().data(), address.bytes().size());
    result = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  return result == 0 || errno != EADDRNOTAVAIL;
}

/// Where that worker talks to the PBX from, its port among those that exist. Without `pbx.bind` the address is the PBX's: what is its
/// family's wildcard covers it.
sbc::Endpoint core_of(const Draft& draft, std::uint32_t worker) {
  acl::Address address;
  if (draft.pbx_bind) {
    address = draft.pbx_bind->value.address;
  } else if (!draft.pbx.empty()) {
    address = *draft.pbx.front().value.address;
  }
  return {address, draft.config.engine.pbx.core_ports().of(worker)};
}

void check_loop(const Draft& draft, const sbc::ListenerOptions& listener, Report& report) {
  // A listener of datagrams takes none of a stream's ports, and the reverse.
  if (sbc::is_datagram(listener.transport) != sbc::is_datagram(draft.config.engine.pbx.transport)) return;
  for (const Located<SipAddress>& pbx : draft.pbx) {
    const sbc::Endpoint address{*pbx.value.address, pbx.value.port};
    if (covers(listener.bind, address) && (listener.bind == address || host_has(address.address)))
      report.error(pbx.at, fmt::format("is the listener {} itself: what goes to the PBX would come back", in_quotes(listener.name)));
  }
  const sbc::PbxOptions::CorePorts ports = draft.config.engine.pbx.core_ports();
  if (!ports.exist()) return;  // check_workers() tells
  for (std::uint32_t worker = 0; worker < draft.config.engine.pbx.workers; ++worker) {
    const sbc::Endpoint core = core_of(draft, worker);
    if (worker > 0 && covers(listener.bind, core)) {
      report.error(*draft.workers_at, fmt::format("the PBX is talked to from the ports {} to {}, of which the listener {} takes {}",
                                                  ports.first, ports.last, in_quotes(listener.name), core.port));
    } else if (draft.pbx_bind && covers(listener.bind, core)) {
      report.error(draft.pbx_bind->at, fmt::format("is the listener {} itself; the PBX needs a port of its own", in_quotes(listener.name)));
    } else if (!draft.pbx_bind && !draft.pbx.empty() && listener.bind.address.is_unspecified() && covers(listener.bind, core)) {
      report.error(draft.pbx.front().at, fmt::format("without pbx.bind the PBX is talked to from port {}, which the listener {} takes",
                                                     sbc::PbxOptions::default_bind_port, in_quotes(listener.name)));
    }
  }
}

/// The ports of the further workers have their own errors: nobody has written them.
void check_workers(const Draft& draft, Report& report) {
  const std::uint32_t workers = draft.config.engine.pbx.workers;
  const sbc::PbxOptions::CorePorts ports = draft.config.engine.pbx.core_ports();
  if (workers == 1 || ports.first == 0) return;
  if (!ports.exist()) {
    report.error(*draft.workers_at,
                 fmt::format("{} workers need as many ports from {} on, and there is none behind {}", workers, ports.first, UINT16_MAX));
    return;
  }
  const auto& admin = draft.config.shell.admin;
  for (std::uint32_t worker = 1; worker < workers; ++worker) {
    const sbc::Endpoint core = core_of(draft, worker);
    if (admin && !sbc::is_datagram(draft.config.engine.pbx.transport) && covers(*admin, core))
      report.error(*draft.workers_at, fmt::format("the PBX is talked to from port {} too, which `admin` takes", core.port));
    for (const Located<SipAddress>& pbx : draft.pbx) {
      if (draft.pbx_bind && sbc::Endpoint{*pbx.value.address, pbx.value.port} == core)
        report.error(*draft.workers_at, fmt::format("the PBX is talked to from {} too, which is its own address", core.to_string()));
    }
  }
}

}  // namespace

bool covers(const sbc::Endpoint& bound, const sbc::Endpoint& endpoint) {
  const bool every_address = bound.address.is_unspecified() && bound.address.is_v4() == endpoint.address.is_v4();
  return bound.port == endpoint.port && (every_address || bound.address == endpoint.address);
}

void check_addresses(const Draft& draft, Report& report) {
  for (const DraftListener& listener : draft.listeners) {
    const auto& address = listener.address.value.address;
    if (address && !host_has(*address))
      report.warning(listener.address.at, fmt::format("this host does not have the address {}", address->to_string()));
  }
  for (const sbc::ListenerOptions& listener : draft.config.engine.listeners) check_loop(draft, listener, report);
  check_workers(draft, report);
  if (!draft.pbx_bind) return;
  const sbc::Endpoint& bind = draft.pbx_bind->value;
  if (!host_has(bind.address))
    report.warning(draft.pbx_bind->at, fmt::format("this host does not have the address {}", bind.address.to_string()));
  for (const Located<SipAddress>& pbx : draft.pbx) {
    if (sbc::Endpoint{*pbx.value.address, pbx.value.port} == bind)
      report.error(draft.pbx_bind->at, fmt::format("{} is the PBX's own address", bind.to_string()));
  }
}

}  // namespace postern::config
