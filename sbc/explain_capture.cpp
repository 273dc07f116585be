#include "sbc/explain_capture.hpp"

#include <algorithm>
#include <charconv>

#include "sip/header_name.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

constexpr std::chrono::seconds default_expires{3600};   // RFC 3261 §10.2.1.1
constexpr std::chrono::seconds longest_expires{86400};  // a captured answer must not make a registration for ever

bool takes(const Endpoint& bound, const Endpoint& endpoint) {
  if (bound.port != endpoint.port) return false;
  return bound.address.is_unspecified() ? bound.address.is_v4() == endpoint.address.is_v4() : bound.address == endpoint.address;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::min(std::chrono::seconds{value}, longest_expires);
}

/// For how long the longest binding of a 2xx to REGISTER holds; 0: there is none.
std::chrono::seconds granted(const sip::RawMessage& response) {
  std::chrono::seconds for_all = default_expires;
  if (const sip::HeaderLine* header = response.find(sip::HeaderName::expires))
    for_all = seconds_of(response.text(header->value)).value_or(default_expires);
  std::chrono::seconds longest{0};
  for (const sip::HeaderLine& header : response.header_lines()) {
    if (header.name != sip::HeaderName::contact) continue;
    sip::ElementReader reader(response.text(header.value));
    while (const auto element = reader.next()) {
      const auto contact = sip::NameAddrView::parse(*element);
      if (!contact) continue;
      const auto own = contact->param("expires");
      longest = std::max(longest, own ? seconds_of(*own).value_or(for_all) : for_all);
    }
  }
  return longest;
}

}  // namespace

void OwnAddresses::see(const SeenMessage& seen) {
  const acl::Address& source = seen.source.address;
  const acl::Address& destination = seen.destination.address;
  if (Habits* habits = habits_of(destination)) {
    if (seen.bytes.starts_with("REGISTER ")) ++habits->registers;
    if (habits->peers.size() < most_peers) habits->peers.insert(source);
    habits->first = std::min(habits->first, seen.packet);
  }
  Habits* habits = habits_of(source);
  if (habits != nullptr && habits->peers.size() < most_peers) habits->peers.insert(destination);
}

OwnAddresses::Habits* OwnAddresses::habits_of(const acl::Address& address) {
  if (const auto found = addresses_.find(address); found != addresses_.end()) return &found->second;
  return addresses_.size() < most_addresses ? &addresses_[address] : nullptr;
}

bool OwnAddresses::is_rather(const acl::Address& address, const acl::Address& than) const {
  const auto one = addresses_.find(address), other = addresses_.find(than);
  if (one == addresses_.end() || other == addresses_.end()) return one != addresses_.end();
  const Habits &ours = one->second, &theirs = other->second;
  if (ours.registers != theirs.registers) return ours.registers > theirs.registers;
  if (ours.peers.size() != theirs.peers.size()) return ours.peers.size() > theirs.peers.size();
  return ours.first < theirs.first;
}

CaptureJudge::CaptureJudge(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets, OwnAddresses own)
    : own_(std::move(own)), bound_(options.pbx.bind.has_value()), engine_(std::move(options), std::move(policy), secrets) {}

std::optional<std::uint8_t> CaptureJudge::listener_at(Transport transport, const Endpoint& endpoint) const {
  const auto& listeners = engine_.options().listeners;
  if (std::ranges::find(engine_.options().pbx.addresses, endpoint) != engine_.options().pbx.addresses.end()) return std::nullopt;
  auto found = std::ranges::find_if(
      listeners, [&](const ListenerOptions& listener) { return listener.transport == transport && takes(listener.bind, endpoint); });
  if (found == listeners.end())
    found = std::ranges::find_if(listeners, [&](const ListenerOptions& listener) { return takes(listener.bind, endpoint); });
  if (found == listeners.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - listeners.begin());
}

bool CaptureJudge::is_ours(std::uint8_t listener, const SeenMessage& seen) const {
  const bool every_address = engine_.options().listeners[listener].bind.address.is_unspecified();
  return !every_address || own_.is_rather(seen.source.address, seen.destination.address);
}

bool CaptureJudge::is_from_pbx(Transport transport, const Endpoint& source, const Endpoint& destination) const {
  const PbxOptions& pbx = engine_.options().pbx;
  if (transport != pbx.transport || std::ranges::find(pbx.addresses, source) == pbx.addresses.end()) return false;
  const auto [first, last] = pbx.core_ports();
  return destination.port >= first && destination.port <= last && (!bound_ || destination.address == pbx.bind->address);
}

bool CaptureJudge::wants(Transport transport, const Endpoint& source, const Endpoint& destination) const {
  return listener_at(transport, destination) || listener_at(transport, source) || is_from_pbx(transport, source, destination);
}

TimePoint CaptureJudge::time_of(const SeenMessage& seen) {
  if (!first_) first_ = seen.time;
  return DryRun::epoch + std::max(seen.time - *first_, std::chrono::microseconds{0});
}

std::optional<JudgedMessage> CaptureJudge::judge(const SeenMessage& seen) {
  const auto to = listener_at(seen.transport, seen.destination), from = listener_at(seen.transport, seen.source);
  const bool ours = from && is_ours(*from, seen);
  if (to && !ours) return to_access(seen, *to);
  if (is_from_pbx(seen.transport, seen.source, seen.destination))
    to_core(seen);
  else if (ours)
    learn(seen, *from);
  else
    ++passed_over_.elsewhere;
  return std::nullopt;
}

std::optional<JudgedMessage> CaptureJudge::to_access(const SeenMessage& seen, std::uint8_t listener) {
  const Flow flow{Side::access, seen.transport, listener, seen.destination.address, seen.source, seen.stream};
  const Explanation explanation = engine_.handle({seen.bytes, flow}, time_of(seen));
  switch (sip::prescreen(seen.bytes, message_).result) {
    case sip::PrescreenResult::keep_alive:
    case sip::PrescreenResult::stun:
      ++passed_over_.keep_alives;
      return std::nullopt;
    case sip::PrescreenResult::garbage:
      ++passed_over_.not_sip;
      return std::nullopt;
    case sip::PrescreenResult::message:
    case sip::PrescreenResult::malformed:
      break;
  }
  return JudgedMessage{seen.packet, seen.source, std::string(message_.method_text), explanation};
}

void CaptureJudge::to_core(const SeenMessage& seen) {
  ++passed_over_.from_pbx;
  // What the PBX answers is for another Postern's branches; that of DryRun answers for it.
  if (sip::prescreen(seen.bytes, message_).result != sip::PrescreenResult::message || !message_.is_request) return;
  const Flow flow{Side::core, seen.transport, 0, engine_.options().pbx.bind->address, seen.source, seen.stream};
  engine_.handle({seen.bytes, flow}, time_of(seen));
}

void CaptureJudge::learn(const SeenMessage& seen, std::uint8_t listener) {
  ++passed_over_.answers;
  if (sip::prescreen(seen.bytes, message_).result != sip::PrescreenResult::message || message_.is_request) return;
  if (message_.method != sip::Method::register_ || message_.status_code < 200 || message_.status_code > 299) return;
  const Flow flow{Side::access, seen.transport, listener, seen.source.address, seen.destination, seen.stream};
  engine_.register_flow(flow, message_.to_user, time_of(seen), granted(message_));
}

}  // namespace postern::sbc
