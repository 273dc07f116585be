// From a captured frame to what TCP or UDP got: link layers, VLAN tags, IPv4 and IPv6 with their extension headers and fragments.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "acl/address.hpp"

namespace postern::net {

using Octets = std::span<const std::uint8_t>;

enum class LinkLayer : std::uint8_t { ethernet, raw, loopback, cooked, cooked2 };

/// The IP packet in a frame, with what the link layer may have put behind it; nullopt: there is none.
std::optional<Octets> ip_of_frame(LinkLayer layer, Octets frame);

/// What one IP packet, or the last of its fragments, brought.
struct IpPayload {
  acl::Address source, destination;
  std::uint8_t protocol = 0;
  Octets octets;  ///< holds until the next packet
};

enum class IpResult : std::uint8_t {
  payload,
  fragment,   ///< kept until the others come
  truncated,  ///< the capture holds less than was on the wire
  unreadable  ///< not IP, or broken
};

/// Bounded: at most `most_datagrams` are put together at a time (one too many loses the oldest), of at most 64 KiB and `most_pieces` each.
class IpReader {
 public:
  static constexpr std::size_t most_datagrams = 256;
  static constexpr std::size_t most_pieces = 128;
  static constexpr std::chrono::seconds patience{30};  ///< RFC 1122 §3.3.2, RFC 8200 §4.5: then a datagram is given up

  /// `out` is filled with IpResult::payload alone.
  IpResult read(Octets packet, std::chrono::microseconds time, IpPayload& out);

  /// Datagrams that were begun and never came together: too many at a time, overlapping, or the capture ended.
  [[nodiscard]] std::uint64_t lost() const { return lost_ + partial_.size(); }

 private:
  struct Key {
    acl::Address source, destination;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;  ///< IPv6: 0, as the first fragment alone tells
    auto operator<=>(const Key&) const = default;
  };
  struct Fragment {
    std::uint32_t offset = 0;
    bool more = false;
    std::uint8_t protocol = 0;
    Octets octets;
  };
  struct Partial {
    std::map<std::uint32_t, std::vector<std::uint8_t>> pieces;  ///< by offset
    std::optional<std::uint32_t> size;
    std::uint32_t received = 0;
    std::uint8_t protocol = 0;
    std::chrono::microseconds begun{0};
  };

  IpResult read_v4(Octets packet, std::chrono::microseconds time, IpPayload& out);
  IpResult read_v6(Octets packet, std::chrono::microseconds time, IpPayload& out);
  /// Steps over extension headers (RFC 8200 §4) up to a transport header.
  IpResult read_extensions(std::uint8_t next, Octets rest, std::chrono::microseconds time, IpPayload& out);
  IpResult assemble(const Key& key, const Fragment& fragment, std::chrono::microseconds time, IpPayload& out);
  Partial& partial_of(const Key& key, std::chrono::microseconds time);

  std::map<Key, Partial> partial_;
  std::vector<std::uint8_t> whole_;
  std::uint64_t lost_ = 0;
};

}  // namespace postern::net
