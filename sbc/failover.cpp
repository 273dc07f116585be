#include "sbc/failover.hpp"

#include <algorithm>

#include "sip/prescreen.hpp"

namespace postern::sbc {

void Failover::silent(const Transaction& transaction, TimePoint sent_at, TimePoint now) {
  // Strangers send what a PBX drops without a word; where devices are registered, only what comes from them tells of it.
  const bool device = state_.registrations.devices_at(transaction.from.peer.address, now) > 0;
  if (!transaction.proven && !device && state_.registrations.size() > 0) return;
  if (const auto place = place_of(transaction.to.peer)) state_.health.silent(*place, transaction.proven, sent_at, now);
}

std::optional<std::uint8_t> Failover::next(const Transaction& transaction, TimePoint now) {
  // The list has changed since it was sent, and with it what `tried` and the branch mean.
  if (place_of(transaction.to.peer) != transaction.hop) return std::nullopt;
  return state_.health.next(transaction.tried, now);
}

std::optional<std::uint8_t> Failover::place_of(const Endpoint& pbx) const {
  const auto& addresses = state_.options.pbx.addresses;
  const auto found = std::ranges::find(addresses, pbx);
  if (found == addresses.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - addresses.begin());
}

Flow Failover::flow_of(std::uint8_t hop) const {
  Flow flow;
  flow.side = Side::core;
  flow.transport = state_.options.pbx.transport;
  flow.local = state_.options.pbx.bind->address;
  const auto& addresses = state_.options.pbx.addresses;
  flow.peer = addresses[hop < addresses.size() ? hop : 0];
  return flow;
}

// A new branch (RFC 3261 §16.6 step 8), and the address in the Request-URI.
void Failover::readdress(std::string& sent, std::uint8_t hop) const {
  sip::RawMessage request;
  sip::prescreen(sent, request);
  const auto old = Branches::pbx_of(request.branch);
  const auto branch = state_.branches.readdressed(request.branch, hop);
  const auto uri = sip::UriView::parse(request.request_uri);
  if (!old || !branch || !uri) return;
  const auto place_of = [&sent](std::string_view part) { return static_cast<std::size_t>(part.data() - sent.data()); };
  const bool ours = uri->host_port() == state_.names.pbx_host_port(*old);
  const std::size_t host = place_of(uri->host_port());
  const std::size_t host_size = uri->host_port().size();
  sent.replace(place_of(request.branch), request.branch.size(), *branch);  // behind the Request-URI
  if (ours) sent.replace(host, host_size, state_.names.pbx_host_port(hop));
}

}  // namespace postern::sbc
