// Addresses that a ban would turn against ourselves.
#pragma once

#include <istream>
#include <vector>

#include "acl/address.hpp"

namespace postern::net {

/// The addresses of this host's interfaces.
std::vector<acl::Address> interface_addresses();

/// The addresses of this host's interfaces and its default gateways, as they are now: behind a NAT that rewrites sources (a container's
/// bridge) everybody comes from the gateway. What cannot be read is left out.
std::vector<acl::Address> own_and_gateway_addresses();

/// The gateways of the default routes in the kernel's tables, in the form of /proc/net/route and /proc/net/ipv6_route.
std::vector<acl::Address> default_gateways_v4(std::istream& table);
std::vector<acl::Address> default_gateways_v6(std::istream& table);

}  // namespace postern::net
