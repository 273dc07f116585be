#include "sbc/device_limits.hpp"

#include <array>

#include "sbc/refused_destinations.hpp"
#include "sip/challenge.hpp"

namespace postern::sbc {
namespace {

constexpr std::chrono::seconds hour_over{300};  // the hour goes on in steps of five minutes

std::optional<Outcome> outcome_of(DeviceUse::Answer answer) {
  switch (answer) {
    case DeviceUse::Answer::over_rate:
      return Outcome::device_limit;
    case DeviceUse::Answer::over_calls_per_hour:
      return Outcome::calls_per_hour;
    case DeviceUse::Answer::over_calls:
      return Outcome::device_calls;
    case DeviceUse::Answer::passes:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string_view device_of(const sip::RawMessage& request, const CredentialsVerdict& credentials, std::span<char> buffer) {
  for (std::size_t i = 0; i < credentials.count; ++i) {
    const CredentialsVerdict::Entry& entry = credentials.entries[i];
    if (entry.fate != CredentialsVerdict::Fate::remove && !entry.username.empty()) return entry.username;
  }
  return sip::canonical_user(request.claimed_user(), buffer);
}

void DeviceLimits::apply(TimePoint now) {
  const LimitsOptions& limits = state_.options.limits;
  allowances_ = {};
  for (const auto& [method, rate] : limits.per_device)
    allowances_[static_cast<std::size_t>(sip::method_of(method))].rate = acl::RateLimit{rate}.since(now);
  DeviceAllowance& calls = allowances_[static_cast<std::size_t>(sip::Method::invite)];
  calls.calls_per_hour = limits.calls_per_hour;
  calls.calls = limits.concurrent_calls_per_device;
}

std::optional<Outcome> DeviceLimits::over(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source,
                                          const CredentialsVerdict& credentials, DeviceClaim& claim, TimePoint now, Outbox& out) {
  if (source.emergency) return std::nullopt;
  const bool calls = request.method == sip::Method::invite;
  const DeviceAllowance& allowance = allowances_[static_cast<std::size_t>(request.method)];
  if (!calls && allowance.unlimited()) return std::nullopt;
  const auto& most = state_.options.limits.concurrent_calls;
  DeviceUse& use = state_.shared->devices;
  if (calls && most && use.calls() >= *most) {
    if (const auto ended = refuse(Outcome::concurrent_calls, request, flow, source.proven, now, out)) return ended;
  }
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  claim.device = use.key(device_of(request, credentials, buffer), request.method);
  claim.reserved = credentials.any_kept() || source.trusted;
  // What a stranger asks without a password the PBX asks one for.
  if (!claim.reserved && !source.live) return std::nullopt;
  const auto over = outcome_of(use.ask(claim.device, acl::SourceKey(flow.peer.address).value(), allowance, claim.reserved, now));
  if (!over) return std::nullopt;
  claim = {};  // what was not granted is not to be given back
  return refuse(*over, request, flow, source.proven, now, out);
}

std::optional<Outcome> DeviceLimits::refuse(Outcome outcome, const sip::RawMessage& request, const Flow& flow, bool proven, TimePoint now,
                                            Outbox& out) {
  if (admission_.spares(outcome, {}, &request, flow, now)) return std::nullopt;
  if (outcome == Outcome::device_calls)
    answers_.send(request, flow, proven, {486, {}, {}}, out);
  else
    answers_.overloaded(request, flow, proven, out, outcome == Outcome::calls_per_hour ? std::optional(hour_over) : std::nullopt);
  return outcome;
}

void DeviceLimits::answered(const sip::RawMessage& response, Transaction& transaction, TimePoint now) {
  DeviceClaim& claim = transaction.claim;
  const int status = response.status_code;
  if (claim.device == 0 || status <= 100) return;
  const bool challenged = sip::is_challenge(status);
  // A 403 is what some say to a wrong password. Without a password only a call that rings or is taken shows that the PBX has taken it for
  // the device's.
  const bool taken = !challenged && status != 403 && (claim.reserved || status < 300);
  if (!claim.answered) {
    const std::uint64_t source = acl::SourceKey(transaction.from.peer.address).value();
    const auto reserved = claim.reserved ? std::optional(transaction.started) : std::nullopt;
    state_.shared->devices.answered(claim.device, source, allowances_[static_cast<std::size_t>(response.method)], reserved, taken, now);
    claim.answered = true;
  }
  // Whether a 403 is of the number or of the password, it was dialled.
  if (status >= 300 && !challenged && claim.reserved && response.method == sip::Method::invite)
    note_refused_destination(state_, admission_.jail(), response, transaction, now);
}

}  // namespace postern::sbc
