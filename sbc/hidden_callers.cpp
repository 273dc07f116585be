#include "sbc/hidden_callers.hpp"

#include <fmt/format.h>

#include <atomic>

#include "sbc/state.hpp"

namespace postern::sbc {

void HiddenCallers::seen(const acl::Address& source) {
  std::atomic<bool>& public_seen = state_.shared->public_source_seen;
  if (!public_seen.load(std::memory_order_relaxed) && !source.is_private()) public_seen.store(true, std::memory_order_relaxed);
}

bool HiddenCallers::behind(const acl::Address& address, acl::TimePoint now) const {
  return address.is_private() && !address.is_loopback() && !state_.shared->public_source_seen.load(std::memory_order_relaxed) &&
         state_.registrations.devices_at(address, now) > many;
}

void HiddenCallers::accepted(const acl::Address& address, acl::TimePoint now) {
  if (told_ && now - *told_ < between_words) return;
  if (!behind(address, now) || !state_.journal.admits(EventKind::callers_hidden, Outcome::forwarded, now)) return;
  told_ = now;
  const std::string message = fmt::format(
      "more than {} devices are registered from {}, and nobody has come from a public address yet: a NAT in front (Docker's, a router's) "
      "gives all callers that one. It is never banned, and limits hold for all of them together; let the NAT keep the callers' addresses "
      "(Docker: network_mode: host; a router: forward without source NAT)",
      many, address.to_string());
  Event event;
  event.kind = EventKind::callers_hidden;
  event.source = {address, 0};
  event.message = message;
  state_.journal.write(event);
}

}  // namespace postern::sbc
