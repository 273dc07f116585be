#include "sbc/net/ip_packet.hpp"

#include <algorithm>
#include <iterator>

namespace postern::net {
namespace {

constexpr std::uint16_t ethertype_v4 = 0x0800;
constexpr std::uint16_t ethertype_v6 = 0x86dd;
constexpr int most_tags = 2;
constexpr int most_headers = 8;  // of IPv6 extensions, one after the other
constexpr std::size_t largest_datagram = 65'535;

// IANA protocol numbers.
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment_header = 44;
constexpr std::uint8_t authentication = 51;
constexpr std::uint8_t destination_options = 60;

/// The caller has looked whether they are there.
std::uint16_t be16(Octets octets, std::size_t at) { return static_cast<std::uint16_t>((octets[at] << 8U) | octets[at + 1]); }
std::uint32_t be32(Octets octets, std::size_t at) { return (static_cast<std::uint32_t>(be16(octets, at)) << 16U) | be16(octets, at + 2); }

bool is_vlan(std::uint16_t ethertype) { return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100; }

/// `type_at` is where the ethertype stands, what it names `from` there on.
std::optional<Octets> behind_ethertype(Octets frame, std::size_t type_at, std::size_t from) {
  if (frame.size() < std::max(type_at + 2, from)) return std::nullopt;
  std::uint16_t type = be16(frame, type_at);
  frame = frame.subspan(from);
  for (int tags = 0; is_vlan(type); ++tags) {  // IEEE 802.1Q: two octets of tag, then the next ethertype
    if (tags == most_tags || frame.size() < 4) return std::nullopt;
    type = be16(frame, 2);
    frame = frame.subspan(4);
  }
  if (type != ethertype_v4 && type != ethertype_v6) return std::nullopt;
  return frame;
}

acl::Address v6_at(Octets packet, std::size_t at) {
  acl::Address::Bytes bytes{};
  std::ranges::copy(packet.subspan(at, bytes.size()), bytes.begin());
  return acl::Address::v6(bytes);
}

}  // namespace

std::optional<Octets> ip_of_frame(LinkLayer layer, Octets frame) {
  constexpr std::size_t family = 4;  // BSD loopback: the packet's own version tells the same
  switch (layer) {
    case LinkLayer::ethernet:
      return behind_ethertype(frame, 12, 14);
    case LinkLayer::cooked:
      return behind_ethertype(frame, 14, 16);
    case LinkLayer::cooked2:
      return behind_ethertype(frame, 0, 20);
    case LinkLayer::loopback:
      if (frame.size() < family) return std::nullopt;
      return frame.subspan(family);
    case LinkLayer::raw:
      return frame;
  }
  return std::nullopt;
}

IpResult IpReader::read(Octets packet, std::chrono::microseconds time, IpPayload& out) {
  if (packet.empty()) return IpResult::truncated;
  switch (packet[0] >> 4U) {
    case 4:
      return read_v4(packet, time, out);
    case 6:
      return read_v6(packet, time, out);
    default:
      return IpResult::unreadable;
  }
}

IpResult IpReader::read_v4(Octets packet, std::chrono::microseconds time, IpPayload& out) {
  constexpr std::size_t smallest_header = 20;
  if (packet.size() < smallest_header) return IpResult::truncated;
  const std::size_t header = (packet[0] & 0x0fU) * std::size_t{4};
  std::size_t length = be16(packet, 2);
  if (length == 0) length = packet.size();  // captured before the network card cut it up
  if (header < smallest_header || length < header) return IpResult::unreadable;
  if (packet.size() < length) return IpResult::truncated;
  out.source = acl::Address::v4(be32(packet, 12));
  out.destination = acl::Address::v4(be32(packet, 16));
  out.protocol = packet[9];
  out.octets = packet.subspan(header, length - header);
  const std::uint16_t flags = be16(packet, 6);
  const bool more = (flags & 0x2000U) != 0;
  const std::uint32_t offset = (flags & 0x1fffU) * 8U;
  if (!more && offset == 0) return IpResult::payload;
  return assemble({out.source, out.destination, be16(packet, 4), out.protocol}, {offset, more, out.protocol, out.octets}, time, out);
}

IpResult IpReader::read_v6(Octets packet, std::chrono::microseconds time, IpPayload& out) {
  constexpr std::size_t header = 40;
  if (packet.size() < header) return IpResult::truncated;
  std::size_t length = be16(packet, 4);
  if (length == 0) length = packet.size() - header;  // as above
  if (packet.size() - header < length) return IpResult::truncated;
  out.source = v6_at(packet, 8);
  out.destination = v6_at(packet, 24);
  return read_extensions(packet[6], packet.subspan(header, length), time, out);
}

IpResult IpReader::read_extensions(std::uint8_t next, Octets rest, std::chrono::microseconds time, IpPayload& out) {
  constexpr std::size_t unit = 8;
  bool assembled = false;
  for (int headers = 0; headers < most_headers; ++headers) {
    if (next != hop_by_hop && next != routing && next != destination_options && next != authentication && next != fragment_header) {
      out.protocol = next;
      out.octets = rest;
      return IpResult::payload;
    }
    if (rest.size() < unit) return IpResult::unreadable;
    if (next == fragment_header) {
      const std::uint16_t word = be16(rest, 2);
      const Fragment fragment{word & 0xfff8U, (word & 1U) != 0, rest[0], rest.subspan(unit)};
      if (assembled) return IpResult::unreadable;
      const IpResult result = assemble({out.source, out.destination, be32(rest, 4), 0}, fragment, time, out);
      if (result != IpResult::payload) return result;
      assembled = true;
      next = out.protocol;
      rest = out.octets;
      continue;
    }
    const std::size_t length = next == authentication ? (rest[1] + std::size_t{2}) * 4 : (rest[1] + std::size_t{1}) * unit;
    if (rest.size() < length) return IpResult::unreadable;
    next = rest[0];
    rest = rest.subspan(length);
  }
  return IpResult::unreadable;
}

IpReader::Partial& IpReader::partial_of(const Key& key, std::chrono::microseconds time) {
  auto found = partial_.find(key);
  if (found != partial_.end() && time - found->second.begun > patience) {
    partial_.erase(found);
    found = partial_.end();
    ++lost_;
  }
  if (found != partial_.end()) return found->second;
  if (partial_.size() >= most_datagrams) {
    partial_.erase(std::ranges::min_element(partial_, {}, [](const auto& each) { return each.second.begun; }));
    ++lost_;
  }
  Partial& partial = partial_[key];
  partial.begun = time;
  return partial;
}

IpResult IpReader::assemble(const Key& key, const Fragment& fragment, std::chrono::microseconds time, IpPayload& out) {
  const std::uint32_t begin = fragment.offset;
  const auto size = static_cast<std::uint32_t>(fragment.octets.size());
  const std::uint32_t end = begin + size;
  if (end > largest_datagram || (fragment.more && (size == 0 || size % 8 != 0))) return IpResult::unreadable;
  Partial& partial = partial_of(key, time);
  const auto give_up = [&] {
    partial_.erase(key);
    ++lost_;
    return IpResult::unreadable;
  };
  const auto next = partial.pieces.lower_bound(begin);
  if (next != partial.pieces.end() && next->first == begin && next->second.size() == size) return IpResult::fragment;  // sent twice
  const bool over_next = next != partial.pieces.end() && next->first < end;
  const bool over_last = next != partial.pieces.begin() && std::prev(next)->first + std::prev(next)->second.size() > begin;
  if (over_next || over_last || partial.pieces.size() >= most_pieces) return give_up();  // overlaps: RFC 5722
  if (!fragment.more) partial.size = end;
  if (begin == 0) partial.protocol = fragment.protocol;
  partial.pieces.emplace(begin, std::vector<std::uint8_t>(fragment.octets.begin(), fragment.octets.end()));
  partial.received += size;
  if (!partial.size || partial.received < *partial.size) return IpResult::fragment;
  // The pieces do not overlap: if they hold as much as there is and none lies behind the end, they are all there.
  if (partial.received > *partial.size || std::prev(partial.pieces.end())->first > *partial.size) return give_up();
  whole_.clear();
  for (const auto& [offset, piece] : partial.pieces) whole_.insert(whole_.end(), piece.begin(), piece.end());
  out.protocol = partial.protocol;
  out.octets = whole_;
  partial_.erase(key);
  return IpResult::payload;
}

}  // namespace postern::net
