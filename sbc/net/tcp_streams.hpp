// TCP as a capture shows it: segments in and out of order, sent again, lost, begun before the capture did.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sbc/flow.hpp"
#include "sbc/net/sip_framer.hpp"

namespace postern::net {

struct TcpSegment {
  sbc::Endpoint source, destination;
  std::uint32_t sequence = 0;
  bool syn = false, ack = false, fin = false, rst = false;
  std::span<const std::uint8_t> octets;
};

/// The header of a TCP packet (RFC 9293 §3.1) that came from here to there; nullopt: broken.
std::optional<TcpSegment> read_tcp(const acl::Address& source, const acl::Address& destination, std::span<const std::uint8_t> packet);

/// Bounded: `most_streams` directions of connections and `most_octets` held in all; one too many loses what was idle longest.
class TcpStreams {
 public:
  static constexpr std::size_t most_streams = 4096;
  static constexpr std::size_t most_octets = std::size_t{32} << 20;
  static constexpr std::size_t most_early = 64;  ///< segments of one stream that wait for one before them; then that one is given up

  /// Messages that the segment completes go to the sink.
  void take(const TcpSegment& segment, const SipFramer::Sink& sink);
  /// The number of the segment's connection, the same in both directions; valid during the sink's call and until the next take().
  [[nodiscard]] std::uint64_t connection() const { return connection_; }
  /// Streams that lacked a segment, or ended or were evicted inside a message.
  [[nodiscard]] std::uint64_t broken() const { return broken_; }

 private:
  struct Key {
    sbc::Endpoint source, destination;
    auto operator<=>(const Key&) const = default;
  };
  struct Stream {
    std::list<Key>::iterator place;  ///< in order of use
    std::uint64_t connection = 0;
    std::optional<std::uint64_t> next;           ///< the sequence number that is due, counted on where 32 bits wrap
    std::map<std::uint64_t, std::string> early;  ///< by sequence number, counted likewise
    std::size_t early_octets = 0;
    SipFramer framer{false};
    [[nodiscard]] std::size_t held() const { return early_octets + framer.held(); }
  };
  using Streams = std::map<Key, Stream>;

  Streams::iterator stream_of(const Key& key);
  void end(const Key& key);
  void deliver(Stream& stream, std::uint32_t sequence, std::string_view octets, const SipFramer::Sink& sink);
  void skip_to(Stream& stream, std::uint64_t sequence);
  /// Hands on what waited for what has come; `give_up`: the first of it even so.
  void drain(Stream& stream, bool give_up, const SipFramer::Sink& sink);
  void make_room(const Key& but);

  Streams streams_;
  std::list<Key> by_use_;  ///< the one that was idle longest first
  std::size_t held_ = 0;
  std::uint64_t last_connection_ = 0;
  std::uint64_t connection_ = 0;
  std::uint64_t broken_ = 0;
};

}  // namespace postern::net
