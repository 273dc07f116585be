// What the engine would have done with the packets of a capture, in the capture's own time: limits, bans and registrations run along.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "sbc/explain.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// A datagram, or a message of a stream, as a capture shows it.
struct SeenMessage {
  std::uint64_t packet = 0;           ///< number in the capture, from 1; of a stream's message, that of the segment that completed it
  std::chrono::microseconds time{0};  ///< since 1970; from 0 to 2^32 seconds
  Transport transport = Transport::udp;
  Endpoint source, destination;
  std::uint64_t stream = 0;  ///< tells connections apart, the same in both directions; 0 on UDP
  std::string_view bytes;    ///< holds during the call
};

/// Which addresses of a capture are ours. Where a listener takes every address, and phones use its port too, the packets do not tell:
/// ours is what REGISTERs go to, else what more others talk to, else what is spoken to first. Bounded.
class OwnAddresses {
 public:
  static constexpr std::size_t most_addresses = 4096;
  static constexpr std::size_t most_peers = 64;

  void see(const SeenMessage& seen);
  /// Of two that talk to each other.
  [[nodiscard]] bool is_rather(const acl::Address& address, const acl::Address& than) const;

 private:
  struct Habits {
    std::uint64_t registers = 0;
    std::set<acl::Address> peers;
    std::uint64_t first = UINT64_MAX;  ///< the packet that first went to it
  };
  Habits* habits_of(const acl::Address& address);
  std::map<acl::Address, Habits> addresses_;
};

struct JudgedMessage {
  std::uint64_t packet = 0;
  Endpoint source;
  std::string method;  ///< of a response, its CSeq's; empty: it could not be read
  Explanation explanation;
};

/// Of what gets no entry.
struct PassedOver {
  std::uint64_t keep_alives = 0;  ///< STUN included
  std::uint64_t not_sip = 0;      ///< garbage toward a listener's port
  std::uint64_t from_pbx = 0;     ///< toward the core port: requests are given to the engine, so that what phones answer belongs to them
  std::uint64_t elsewhere = 0;    ///< of an address that has a listener's port and is not ours
  std::uint64_t answers = 0;      ///< from a listener's port: a 2xx to REGISTER makes its flow a live registration
};

class CaptureJudge {
 public:
  CaptureJudge(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets, OwnAddresses own);

  /// Travel passes that stand as the capture begins.
  void set_passes(std::shared_ptr<const acl::TravelPasses> passes) { engine_.set_passes(std::move(passes)); }
  /// Whether judge() has a use for what goes from here to there.
  [[nodiscard]] bool wants(Transport transport, const Endpoint& source, const Endpoint& destination) const;
  /// The verdict for a SIP or broken SIP message toward a listener's port; nullopt: it was no such one. A message over TCP to the port of a
  /// listener that is not of TCP is judged as if that one took TCP too.
  std::optional<JudgedMessage> judge(const SeenMessage& seen);

  [[nodiscard]] const PassedOver& passed_over() const { return passed_over_; }
  [[nodiscard]] const Metrics& metrics() const { return engine_.metrics(); }

 private:
  [[nodiscard]] std::optional<std::uint8_t> listener_at(Transport transport, const Endpoint& endpoint) const;
  /// Whether a packet from a listener's port comes from us; `listener` is the one of its source.
  [[nodiscard]] bool is_ours(std::uint8_t listener, const SeenMessage& seen) const;
  [[nodiscard]] bool is_from_pbx(Transport transport, const Endpoint& source, const Endpoint& destination) const;
  [[nodiscard]] TimePoint time_of(const SeenMessage& seen);
  std::optional<JudgedMessage> to_access(const SeenMessage& seen, std::uint8_t listener);
  void to_core(const SeenMessage& seen);
  void learn(const SeenMessage& seen, std::uint8_t listener);

  OwnAddresses own_;
  bool bound_;  ///< the file has a pbx.bind
  DryRun engine_;
  sip::RawMessage message_;
  std::optional<std::chrono::microseconds> first_;
  PassedOver passed_over_;
};

}  // namespace postern::sbc
