// Copies of messages for a capture server such as Homer, as HEP3 packets (github.com/sipcapture/HEP, "HEP3 Network Protocol Specification",
// revision 37). What they hold is neither encrypted nor signed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/file_descriptor.hpp"
#include "acl/rate.hpp"
#include "sbc/engine.hpp"
#include "sbc/flow.hpp"
#include "sbc/outcome.hpp"

namespace postern::net {

/// A message on its way between two ends, as the capture server is told of it.
struct HepPacket {
  sbc::Endpoint source, destination;
  bool stream = false;                ///< TCP, and what runs over it; else UDP
  std::chrono::microseconds time{0};  ///< since 1970
  std::string_view call_id;           ///< empty, or too long to be told: none
  std::string_view reason;            ///< the word for why it was refused; empty: it was not
  std::string_view message;
};

/// Appends the packet up to where the message itself follows, which is its end. With the message it must not be longer than 65,535 octets.
/// Generic chunks alone (vendor 0): servers read a vendor's chunks as if they were generic ones. What tells the reason is the name of the
/// capture agent (0x0013), which Homer shows with each message: "postern", "postern/banned".
void put_hep_head(std::string& out, const HepPacket& packet);

struct HepCounters {
  std::uint64_t sent = 0;
  std::uint64_t left_out = 0;  ///< refused ones beyond their rate; what the system would not take at once; what no datagram holds
  std::uint64_t failed = 0;    ///< the system could not send it, or nobody listens there
};

/// What one worker copies: messages that pass, and at a bounded rate those that are refused. What is no SIP, not even broken SIP, is not
/// copied. It never waits, and what does not get through is counted and gone.
class HepMirror {
 public:
  static constexpr acl::Rate refused_rate{500, 500};
  static constexpr std::size_t longest_call_id = 256;
  static constexpr std::size_t largest_packet = 65'507;  ///< of UDP over IPv4
  static constexpr std::chrono::seconds retry{1};        ///< for a way to the server

  /// Where copies go from now on; nullopt: nowhere. Between two packets.
  void apply(const std::optional<sbc::Endpoint>& server);
  [[nodiscard]] bool is_on() const { return server_.has_value(); }

  /// Of what was received at `local`, and came to that end: it is copied by send_kept(), until which its bytes stay. A batch at most.
  void keep(const sbc::Datagram& datagram, const sbc::Endpoint& local, sbc::Outcome outcome, acl::TimePoint received);
  void send_kept();
  /// Of what has been sent from `local`.
  void sent(const sbc::Outgoing& message, const sbc::Endpoint& local);

  [[nodiscard]] const HepCounters& counters() const { return counters_; }

 private:
  struct Kept {
    HepPacket packet;
    acl::TimePoint received;
  };

  void send(HepPacket& packet);
  [[nodiscard]] bool is_open();

  std::optional<sbc::Endpoint> server_;
  acl::FileDescriptor socket_;                ///< connected to it; none: there was no way
  std::optional<acl::TimePoint> tried_last_;  ///< to open it
  acl::TokenBucket refused_;
  std::vector<Kept> kept_;
  std::string head_;
  HepCounters counters_;
};

}  // namespace postern::net
