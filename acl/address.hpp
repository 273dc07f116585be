// IP addresses and networks as values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace postern::acl {

/// An IPv4 or IPv6 address; IPv4 is held as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2), so a mapped
/// address that arrives on a dual-stack socket equals its IPv4 form. Default: "::".
class Address {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  constexpr Address() = default;
  /// `host_order`: 0x7f000001 is 127.0.0.1.
  static Address v4(std::uint32_t host_order) {
    Address address;
    std::memcpy(address.bytes_.data(), mapped_prefix.data(), mapped_prefix.size());
    for (std::size_t i = 0; i < 4; ++i) address.bytes_[mapped_prefix.size() + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return address;
  }
  static Address v6(const Bytes& network_order);
  /// Dotted quad or RFC 4291 text without brackets, prefix or zone; anything else: nullopt.
  static std::optional<Address> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const {  // in two words: each packet is asked several times
    std::uint64_t first = 0;
    std::uint32_t second = 0, mapped = 0;
    std::memcpy(&first, bytes_.data(), sizeof first);
    std::memcpy(&second, bytes_.data() + sizeof first, sizeof second);
    std::memcpy(&mapped, mapped_prefix.data() + sizeof first, sizeof mapped);
    return first == 0 && second == mapped;
  }
  /// Host order; only meaningful if is_v4().
  [[nodiscard]] std::uint32_t v4_value() const {
    return std::uint32_t{bytes_[12]} << 24 | std::uint32_t{bytes_[13]} << 16 | std::uint32_t{bytes_[14]} << 8 | bytes_[15];
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_loopback() const;
  /// RFC 1918, loopback, link-local, ULA: what the rule word `private` means.
  [[nodiscard]] bool is_private() const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const Address&) const = default;

 private:
  static constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  Bytes bytes_{};
};

/// A network in CIDR notation, host bits cleared.
class Network {
 public:
  constexpr Network() = default;
  /// `prefix_length` counts in the address's own family: 0..32 or 0..128.
  Network(const Address& address, unsigned prefix_length);

  struct Parsed;
  /// "10.0.0.0/8", "2001:db8::/32" or a bare address (a /32 or /128); nullopt if it is neither.
  static std::optional<Parsed> parse(std::string_view text);

  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] unsigned prefix_length() const { return prefix_length_; }
  [[nodiscard]] bool contains(const Address& address) const;
  /// True if every address of `other` is in this network.
  [[nodiscard]] bool contains(const Network& other) const;
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const Network&) const = default;

 private:
  Address address_;
  std::uint8_t prefix_length_ = 0;
};

struct Network::Parsed {
  Network network;
  bool host_bits_set = false;  ///< the text named an address inside the network: worth a warning
};

/// What per-source state is kept for: one IPv4 address or one IPv6 /64 (a household or a host of a provider).
class SourceKey {
 public:
  constexpr SourceKey() = default;
  explicit SourceKey(const Address& address) {
    // ffff:ffff:... is multicast space, which is never a source: no IPv6 /64 meets an IPv4 key.
    if (address.is_v4()) {
      value_ = 0xffffffff00000000ULL | address.v4_value();
    } else {
      for (std::size_t i = 0; i < 8; ++i) value_ = (value_ << 8) | address.bytes()[i];
    }
  }
  explicit SourceKey(std::uint64_t value) : value_(value) {}
  [[nodiscard]] std::uint64_t value() const { return value_; }
  /// The address, or the first one of the /64.
  [[nodiscard]] Address address() const;
  auto operator<=>(const SourceKey&) const = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace postern::acl
