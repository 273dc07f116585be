#include "acl/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace postern::acl {
namespace {

constexpr std::size_t mapped_prefix_size = 12;
constexpr unsigned mapped_prefix_bits = 96;

unsigned family_bits(const Address& address) { return address.is_v4() ? 32U : 128U; }

/// The prefix length as the 128-bit form sees it.
unsigned wide_prefix(const Address& address, unsigned prefix_length) {
  return address.is_v4() ? prefix_length + mapped_prefix_bits : prefix_length;
}

std::uint8_t mask_of_byte(std::size_t index, unsigned prefix) {
  const auto start = static_cast<unsigned>(index * 8);
  if (prefix >= start + 8) return 0xff;
  if (prefix <= start) return 0;
  return static_cast<std::uint8_t>(0xffU << (start + 8 - prefix));
}

Address::Bytes masked(const Address::Bytes& bytes, unsigned prefix) {
  Address::Bytes result{};
  for (std::size_t i = 0; i < bytes.size(); ++i) result[i] = static_cast<std::uint8_t>(bytes[i] & mask_of_byte(i, prefix));
  return result;
}

/// Decimal without sign or leading zero, at most 128.
std::optional<unsigned> parse_prefix_length(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > 128) return std::nullopt;
  return value;
}

}  // namespace

Address Address::v6(const Bytes& network_order) {
  Address address;
  address.bytes_ = network_order;
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};  // inet_pton wants a terminating NUL
  if (text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), buffer.begin());

  in_addr dotted{};
  if (inet_pton(AF_INET, buffer.data(), &dotted) == 1) return v4(ntohl(dotted.s_addr));
  Bytes bytes{};
  if (inet_pton(AF_INET6, buffer.data(), bytes.data()) == 1) return v6(bytes);
  return std::nullopt;
}

bool Address::is_unspecified() const { return *this == Address{} || (is_v4() && v4_value() == 0); }

bool Address::is_loopback() const {
  if (is_v4()) return v4_value() >> 24 == 127;
  return bytes_.back() == 1 && std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_private() const {
  if (is_loopback()) return true;
  if (is_v4()) {
    const std::uint32_t value = v4_value();
    return (value >> 24) == 10 || (value >> 20) == 0xac1 || (value >> 16) == 0xc0a8 || (value >> 16) == 0xa9fe;
  }
  const bool link_local = bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
  const bool unique_local = (bytes_[0] & 0xfe) == 0xfc;  // RFC 4193
  return link_local || unique_local;
}

std::string Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (!is_v4()) return inet_ntop(AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  // inet_ntop() takes printf() for these, and each packet that is forwarded needs some.
  std::size_t size = 0;
  const auto put = [&](unsigned digit) { buffer[size++] = static_cast<char>('0' + digit); };
  for (std::size_t i = mapped_prefix_size; i < bytes_.size(); ++i) {
    if (i > mapped_prefix_size) buffer[size++] = '.';
    const unsigned byte = bytes_[i];
    if (byte >= 100) put(byte / 100);
    if (byte >= 10) put(byte / 10 % 10);
    put(byte % 10);
  }
  return {buffer.data(), size};
}

Network::Network(const Address& address, unsigned prefix_length)
    : prefix_length_(static_cast<std::uint8_t>(std::min(prefix_length, family_bits(address)))) {
  address_ = Address::v6(masked(address.bytes(), wide_prefix(address, prefix_length_)));
}

std::optional<Network::Parsed> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned prefix = family_bits(*address);
  if (slash != std::string_view::npos) {
    const auto written = parse_prefix_length(text.substr(slash + 1));
    if (!written) return std::nullopt;
    prefix = *written;
    // A mapped address in IPv6 notation counts its prefix in 128 bits; a shorter one than /96 would be no network of either family.
    if (address->is_v4() && text.find(':') != std::string_view::npos) {
      if (prefix < mapped_prefix_bits) return std::nullopt;
      prefix -= mapped_prefix_bits;
    }
    if (prefix > family_bits(*address)) return std::nullopt;
  }
  const Network network(*address, prefix);
  return Parsed{network, network.address() != *address};
}

bool Network::contains(const Address& address) const {
  if (address.is_v4() != address_.is_v4()) return false;
  return masked(address.bytes(), wide_prefix(address_, prefix_length_)) == address_.bytes();
}

bool Network::contains(const Network& other) const { return other.prefix_length_ >= prefix_length_ && contains(other.address_); }

std::string Network::to_string() const { return address_.to_string() + '/' + std::to_string(prefix_length_); }

Address SourceKey::address() const {
  if (value_ >> 32 == UINT32_MAX) return Address::v4(static_cast<std::uint32_t>(value_));
  Address::Bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value_ >> (56 - 8 * i));
  return Address::v6(bytes);
}

}  // namespace postern::acl
