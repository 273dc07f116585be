#include "sbc/device_gate.hpp"

#include <array>

#include "sip/digest.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {

const acl::Gate* device_denied(const State& state, const sip::RawMessage& request, const CredentialsVerdict& credentials,
                               const Flow& flow) {
  const acl::Devices& devices = state.policy->devices();
  if (devices.empty()) return nullptr;
  const std::string_view listener = state.options.listeners[flow.listener].name;
  // The PBX decodes a user before it looks it up.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before it is read
  std::array<char, 256> buffer;
  const std::string_view device = request.claimed_user();
  const acl::Gate* denied = devices.refuses(sip::canonical_user(device, buffer), flow.peer.address, listener);
  for (std::size_t i = 0; i < credentials.count && denied == nullptr; ++i) {
    const auto digest = sip::DigestView::parse(request.text(credentials.entries[i].header->value));
    if (digest) denied = devices.refuses(digest->username, flow.peer.address, listener);
  }
  return denied;
}

}  // namespace postern::sbc
