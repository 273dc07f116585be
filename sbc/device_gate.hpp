// The gate of `devices`, as a request meets it.
#pragma once

#include "acl/devices.hpp"
#include "sbc/credentials.hpp"
#include "sbc/flow.hpp"
#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// The entry of `devices` that keeps a request of the access side out: that of its device (From, in a REGISTER To) or that of a user whose
/// credentials it bears. nullptr: none does.
const acl::Gate* device_denied(const State& state, const sip::RawMessage& request, const CredentialsVerdict& credentials, const Flow& flow);

}  // namespace postern::sbc
