#include "sbc/net/tcp_streams.hpp"

#include <algorithm>

namespace postern::net {
namespace {

constexpr std::int64_t widest_window = std::int64_t{1} << 20;  // farther away is another connection, or made up
constexpr std::uint64_t wrap = std::uint64_t{1} << 32U;

std::uint16_t be16(std::span<const std::uint8_t> octets, std::size_t at) {
  return static_cast<std::uint16_t>((octets[at] << 8U) | octets[at + 1]);
}
std::uint32_t be32(std::span<const std::uint8_t> octets, std::size_t at) {
  return (static_cast<std::uint32_t>(be16(octets, at)) << 16U) | be16(octets, at + 2);
}

}  // namespace

std::optional<TcpSegment> read_tcp(const acl::Address& source, const acl::Address& destination, std::span<const std::uint8_t> packet) {
  constexpr std::size_t smallest_header = 20;
  if (packet.size() < smallest_header) return std::nullopt;
  const std::size_t header = (packet[12] >> 4U) * std::size_t{4};
  if (header < smallest_header || header > packet.size()) return std::nullopt;
  const unsigned flags = packet[13];
  TcpSegment segment;
  segment.source = {source, be16(packet, 0)};
  segment.destination = {destination, be16(packet, 2)};
  segment.sequence = be32(packet, 4);
  segment.fin = (flags & 0x01U) != 0;
  segment.syn = (flags & 0x02U) != 0;
  segment.rst = (flags & 0x04U) != 0;
  segment.ack = (flags & 0x10U) != 0;
  segment.octets = packet.subspan(header);
  return segment;
}

void TcpStreams::end(const Key& key) {
  const auto found = streams_.find(key);
  if (found == streams_.end()) return;
  if (found->second.framer.inside() || !found->second.early.empty()) ++broken_;
  held_ -= found->second.held();
  by_use_.erase(found->second.place);
  streams_.erase(found);
}

TcpStreams::Streams::iterator TcpStreams::stream_of(const Key& key) {
  const auto [found, added] = streams_.try_emplace(key);
  Stream& stream = found->second;
  if (!added) {
    by_use_.splice(by_use_.end(), by_use_, stream.place);
    return found;
  }
  stream.place = by_use_.insert(by_use_.end(), key);
  const auto other = streams_.find({key.destination, key.source});
  stream.connection = other != streams_.end() && other != found ? other->second.connection : ++last_connection_;
  return found;
}

void TcpStreams::make_room(const Key& but) {
  while (streams_.size() > most_streams || held_ > most_octets) {
    const auto oldest = std::ranges::find_if(by_use_, [&](const Key& key) { return key != but; });
    if (oldest == by_use_.end()) return;
    end(Key(*oldest));
  }
}

void TcpStreams::take(const TcpSegment& segment, const SipFramer::Sink& sink) {
  const Key key{segment.source, segment.destination};
  if (segment.rst) {
    end(key);
    end({segment.destination, segment.source});
    return;
  }
  std::uint32_t sequence = segment.sequence;
  if (segment.syn) {
    ++sequence;  // it counts as one
    const auto found = streams_.find(key);
    const bool again = found != streams_.end() && found->second.next && static_cast<std::uint32_t>(*found->second.next) == sequence;
    if (!again) {
      end(key);
      if (!segment.ack) end({segment.destination, segment.source});
      Stream& stream = stream_of(key)->second;
      stream.next = wrap + sequence;
      stream.framer = SipFramer(true);
    }
  } else if (segment.octets.empty() && !segment.fin) {
    return;
  }
  Stream& stream = stream_of(key)->second;
  connection_ = stream.connection;
  held_ -= stream.held();
  deliver(stream, sequence, {reinterpret_cast<const char*>(segment.octets.data()), segment.octets.size()}, sink);
  held_ += stream.held();
  const auto last = static_cast<std::uint32_t>(sequence + segment.octets.size());
  if (segment.fin && stream.next && static_cast<std::uint32_t>(*stream.next) == last) end(key);
  make_room(key);
}

void TcpStreams::skip_to(Stream& stream, std::uint64_t sequence) {
  ++broken_;
  stream.framer.gap();
  stream.next = sequence;
}

void TcpStreams::deliver(Stream& stream, std::uint32_t sequence, std::string_view octets, const SipFramer::Sink& sink) {
  if (octets.empty()) return;
  if (!stream.next) stream.next = wrap + sequence;
  std::int64_t ahead = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(*stream.next));
  if (ahead > widest_window || ahead < -widest_window) {
    stream.early.clear();
    stream.early_octets = 0;
    skip_to(stream, wrap + sequence);
    ahead = 0;
  }
  if (ahead > 0) {
    const auto [place, added] = stream.early.try_emplace(*stream.next + static_cast<std::uint64_t>(ahead), octets);
    if (added) stream.early_octets += octets.size();
    drain(stream, stream.early.size() > most_early, sink);
    return;
  }
  const auto known = static_cast<std::size_t>(-ahead);
  if (known >= octets.size()) return;
  octets.remove_prefix(known);
  *stream.next += octets.size();
  stream.framer.append(octets, sink);
  drain(stream, false, sink);
}

void TcpStreams::drain(Stream& stream, bool give_up, const SipFramer::Sink& sink) {
  while (!stream.early.empty()) {
    const auto first = stream.early.begin();
    if (first->first > *stream.next && !give_up) return;
    if (first->first > *stream.next) skip_to(stream, first->first);
    give_up = false;
    const auto known = static_cast<std::size_t>(*stream.next - first->first);
    const std::string octets = std::move(first->second);
    stream.early_octets -= octets.size();
    stream.early.erase(first);
    if (known >= octets.size()) continue;
    *stream.next += octets.size() - known;
    stream.framer.append(std::string_view(octets).substr(known), sink);
  }
}

}  // namespace postern::net
