// An engine without sockets: what comes is handed to it, what leaves is read from its outbox, and time passes with each packet.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sbc/engine.hpp"

namespace postern::bench {

/// Listens on 198.51.100.1:5060; its PBX is 10.0.0.5:15060, reached from 10.0.0.2:5080.
inline constexpr std::string_view listener_and_pbx =
    "listeners: [udp://198.51.100.1:5060]\n"
    "pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080, health_check: off}\n"
    "keepalive: off\n";

class EngineBench {
 public:
  /// `yaml`: a whole configuration. `step`: the time that passes with each packet. Throws std::invalid_argument with its errors.
  explicit EngineBench(const std::string& yaml, std::chrono::microseconds step = std::chrono::microseconds{20});
  EngineBench(const EngineBench&) = delete;
  EngineBench& operator=(const EngineBench&) = delete;

  /// A datagram of the world's; what was sent before is forgotten.
  void from(const acl::Address& source, std::uint16_t port, std::string_view bytes);
  /// One of the PBX's.
  void from_pbx(std::string_view bytes);
  /// What the last datagram caused to be sent, and where; the references hold until the next one.
  [[nodiscard]] std::span<const sbc::Outgoing> sent() const { return out_.items(); }
  /// The timers that are due go off; what they send is lost.
  void advance();
  /// How many of what it remembers.
  [[nodiscard]] sbc::Gauges gauges() const { return engine_->gauges(); }

 private:
  struct Silent : sbc::EventSink {
    void on_event(const sbc::Event& /*event*/) override {}
  };

  Silent events_;
  std::unique_ptr<sbc::Engine> engine_;
  sbc::Flow access_, core_;
  sbc::Outbox out_;
  acl::TimePoint now_ = acl::TimePoint(std::chrono::hours{1});
  std::chrono::microseconds step_;
};

/// What a message asks for, answered with `status_line` ("200 OK"): Via, Record-Route, From, To (with a tag), Call-ID and CSeq as the
/// request has them, then `more` (header lines and, behind an empty line, the body; it ends the message).
std::string response_to(std::string_view request, std::string_view status_line, std::string_view more);

}  // namespace postern::bench
