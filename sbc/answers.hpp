// Answers of our own.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// Answers to requests that go no further. To a source that has not proved itself an answer is never larger than what it answers
/// (nobody turns us into an amplifier), so it may be cut short, or not be sent at all. ACK is never answered.
class Answers {
 public:
  explicit Answers(State& state) : state_(state) {}

  struct Answer {
    int status = 0;
    std::string_view reason_phrase;  ///< empty: the standard one
    std::string_view extra;          ///< whole header lines
  };
  /// True if an answer was put into `out`.
  bool send(const sip::RawMessage& request, const Flow& flow, bool proven, const Answer& answer, Outbox& out);
  /// Is this the ACK to an answer of send()?
  [[nodiscard]] bool acknowledged(const sip::RawMessage& ack) const;
  /// 503 with Retry-After; where `retry_after` is not given it is randomised for REGISTER and OPTIONS, so that not all come back at once.
  bool overloaded(const sip::RawMessage& request, const Flow& flow, bool proven, Outbox& out,
                  std::optional<std::chrono::seconds> retry_after = std::nullopt);

 private:
  /// The same tag for a repeated request (RFC 3261 §8.2.7), and for its ACK.
  [[nodiscard]] std::string tag_of(const sip::RawMessage& request) const;

  State& state_;
  std::string tag_;
};

}  // namespace postern::sbc
