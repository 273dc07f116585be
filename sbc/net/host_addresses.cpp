#include "sbc/net/host_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <charconv>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "sbc/net/socket_address.hpp"

namespace postern::net {
namespace {

constexpr std::size_t most_routes = 10'000;  // a router's full table is not read to its end

std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

void add(std::vector<acl::Address>& addresses, const acl::Address& address) {
  if (!address.is_unspecified()) addresses.push_back(address);
}

void add_interfaces(std::vector<acl::Address>& addresses) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      add(addresses, address_of(reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      add(addresses, address_of(reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr));
    }
  }
}

}  // namespace

std::vector<acl::Address> default_gateways_v4(std::istream& table) {
  std::vector<acl::Address> gateways;
  std::string line, interface, destination, gateway, flags, skipped, mask;
  std::getline(table, line);  // headings
  for (std::size_t i = 0; i < most_routes && std::getline(table, line); ++i) {
    std::istringstream fields(line);
    fields >> interface >> destination >> gateway >> flags >> skipped >> skipped >> skipped >> mask;
    const auto value = hexadecimal(gateway);
    if (!fields || destination != "00000000" || mask != "00000000" || !value) continue;
    add(gateways, acl::Address::v4(ntohl(*value)));  // as it stands in memory
  }
  return gateways;
}

std::vector<acl::Address> default_gateways_v6(std::istream& table) {
  std::vector<acl::Address> gateways;
  std::string line, destination, length, source, source_length, gateway;
  for (std::size_t i = 0; i < most_routes && std::getline(table, line); ++i) {
    std::istringstream fields(line);
    fields >> destination >> length >> source >> source_length >> gateway;
    if (!fields || length != "00" || gateway.size() != 32) continue;
    acl::Address::Bytes bytes{};
    bool good = true;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const auto value = hexadecimal(std::string_view(gateway).substr(at * 2, 2));
      good = good && value;
      bytes[at] = static_cast<std::uint8_t>(value.value_or(0));
    }
    if (good) add(gateways, acl::Address::v6(bytes));
  }
  return gateways;
}

std::vector<acl::Address> interface_addresses() {
  std::vector<acl::Address> addresses;
  add_interfaces(addresses);
  return addresses;
}

std::vector<acl::Address> own_and_gateway_addresses() {
  std::vector<acl::Address> addresses = interface_addresses();
  std::ifstream v4("/proc/net/route"), v6("/proc/net/ipv6_route");
  for (const acl::Address& gateway : default_gateways_v4(v4)) addresses.push_back(gateway);
  for (const acl::Address& gateway : default_gateways_v6(v6)) addresses.push_back(gateway);
  return addresses;
}

}  // namespace postern::net
