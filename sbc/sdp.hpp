// The addresses in a session description (RFC 8866): where audio is to be sent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "acl/address.hpp"
#include "sbc/flow.hpp"
#include "sbc/names.hpp"
#include "sbc/veil.hpp"

namespace postern::sbc {

/// An address that nobody on the internet reaches: private, loopback, link-local, or of a provider's own NAT (RFC 6598).
bool is_inside(const acl::Address& address);

/// Appends `sdp` with names.media_address(), which is set, where the PBX names itself: in `c=`, `o=` (RFC 8866 §5.2, §5.7), `a=rtcp`
/// (RFC 3605 §2.1) and `a=candidate` (RFC 8839 §5.1; `raddr` too). Ports stay. A line that names another host, or does not read as its RFC
/// has it, goes on byte for byte. Text for people (§5.3 to §5.6, `a=tool`) and `a=ssrc` (RFC 5576 §6.1: a CNAME may be the PBX's URI) is
/// shown as `veil` has it.
void append_with_media_address(std::string& out, std::string_view sdp, const Names& names, Veil& veil, const Flow& access);

/// An address inside a network to which audio (`m=audio` with a port that is not 0) is asked to be sent; nullopt: there is none, or a
/// candidate of the same stream (RFC 8839) can be reached from outside. A host's name tells nothing.
std::optional<acl::Address> audio_inside(std::string_view sdp);

}  // namespace postern::sbc
