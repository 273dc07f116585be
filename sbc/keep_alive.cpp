#include "sbc/keep_alive.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "sbc/branch.hpp"
#include "sbc/contact.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

/// Its Contact is not where its packets come from. A device that talks over a connection keeps that alive itself (RFC 5626 §3.5.1).
bool is_behind_nat(const Binding& binding) {
  if (!is_datagram(binding.flow.transport)) return false;
  const auto contact = sip::UriView::parse(binding.contact_uri);
  if (!contact) return false;
  constexpr std::uint16_t usual_port = 5060;
  const std::uint16_t port = contact->port == 0 ? usual_port : contact->port;
  return acl::Address::parse(contact->host) != binding.flow.peer.address || port != binding.flow.peer.port;
}

}  // namespace

BranchId KeepAlive::id_of(const Flow& device, std::string_view call_id) const {
  const std::string peer = device.peer.to_string();
  const std::array<std::string_view, 3> parts{"keep-alive", peer, call_id};
  return state_.mac.of(parts);
}

bool KeepAlive::answered(const sip::RawMessage& response, const Flow& from) const {
  if (response.method != sip::Method::options) return false;
  const auto id = parse_branch(response.branch);
  return id && *id == id_of(from, response.call_id);
}

std::optional<TimePoint> KeepAlive::next_deadline() const {
  if (!state_.options.keepalive || state_.registrations.size() == 0) return std::nullopt;
  return next_step_;
}

void KeepAlive::advance(TimePoint now, Outbox& out) {
  if (!state_.options.keepalive || now < next_step_) return;
  next_step_ = now + step;
  const std::size_t slice = state_.registrations.places() / (round / step) + 1;
  std::size_t asked = 0;
  const bool more = state_.registrations.silent(cursor_, slice, now, *state_.options.keepalive, [&](const Binding& binding) {
    // Who has not shown where he is gets nothing that he did not ask for.
    if (asked == most_asked || !binding.proven || !is_behind_nat(binding) || !state_.options.listeners[binding.flow.listener].open)
      return false;
    ++asked;
    ask(binding, out);
    return true;
  });
  if (!more) cursor_ = {};
}

void KeepAlive::ask(const Binding& binding, Outbox& out) {
  const Flow& flow = binding.flow;
  const std::string call_id =
      fmt::format("{:08x}{:016x}", ++count_, state_.mac.of(std::array<std::string_view, 2>{"keep-alive of", binding.core_contact}).high);
  std::string branch;
  append_branch(branch, id_of(flow, call_id));
  const std::string& ours = state_.names.address_for(flow).host_port;
  fmt::format_to(std::back_inserter(out.add(flow)),
                 "OPTIONS {0} SIP/2.0\r\nVia: SIP/2.0/{1} {2};rport;branch={3}\r\nMax-Forwards: 70\r\nFrom: <sip:{2}>;tag={4:08x}\r\n"
                 "To: <{0}>\r\nCall-ID: {5}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:{2}>\r\nContent-Length: 0\r\n\r\n",
                 without_headers(binding.contact_uri), via_name(flow.transport), ours, branch, count_, call_id);
}

}  // namespace postern::sbc
