// Captures of tcpdump and the like (pcap and pcapng, by libpcap), as the SIP in them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <variant>

#include "sbc/explain_capture.hpp"

namespace postern::net {

class CaptureSink {
 public:
  CaptureSink() = default;
  virtual ~CaptureSink() = default;
  CaptureSink(const CaptureSink&) = delete;
  CaptureSink& operator=(const CaptureSink&) = delete;

  /// False: what goes from here to there is counted and left alone.
  virtual bool wants(sbc::Transport transport, const sbc::Endpoint& source, const sbc::Endpoint& destination) = 0;
  /// A datagram, or a message of a TCP stream.
  virtual void on_message(const sbc::SeenMessage& seen) = 0;
};

struct CaptureCounts {
  std::uint64_t packets = 0;
  std::uint64_t truncated = 0;       ///< cut off by the capture
  std::uint64_t unreadable = 0;      ///< not IP, or broken below SIP
  std::uint64_t elsewhere = 0;       ///< not wanted, or neither UDP nor TCP
  std::uint64_t fragments = 0;       ///< IP fragments, but the one that completed its packet
  std::uint64_t lost_fragments = 0;  ///< fragmented packets that never came together
  std::uint64_t broken_streams = 0;  ///< TCP streams with a gap, or an end inside a message
  std::string ended_by;              ///< why the file ended before its end; empty: it did not
};

/// Reads a whole capture: Ethernet, raw IP, loopback and Linux cooked frames, with up to two VLAN tags. Nothing in the file is trusted:
/// all lengths are checked and all memory is bounded. A text says why the file is no capture that can be read.
std::variant<CaptureCounts, std::string> read_capture(const std::string& path, CaptureSink& sink);
/// The same of an open file, which is closed.
std::variant<CaptureCounts, std::string> read_capture(std::FILE* open_file, CaptureSink& sink);

}  // namespace postern::net
