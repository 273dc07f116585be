// OPTIONS of our own to devices behind a NAT that were silent for a while: an answer shows that they can still be reached, and the question
// alone keeps the NAT's mapping for the next call. One a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sbc/listing.hpp"
#include "sbc/outbox.hpp"
#include "sbc/state.hpp"

namespace postern::sbc {

class KeepAlive {
 public:
  explicit KeepAlive(State& state) : state_(state) {}

  /// A response with a branch of one of ours, from whom it was sent to?
  [[nodiscard]] bool answered(const sip::RawMessage& response, const Flow& from) const;

  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Looks at a slice of the registrations, so that each is looked at every `round`, and asks a bounded number.
  void advance(TimePoint now, Outbox& out);

 private:
  static constexpr std::chrono::milliseconds step{250};
  static constexpr std::chrono::milliseconds round{5'000};
  static constexpr std::size_t most_asked = 256;  ///< in a step

  [[nodiscard]] BranchId id_of(const Flow& device, std::string_view call_id) const;
  void ask(const Binding& binding, Outbox& out);

  State& state_;
  ListCursor cursor_;
  TimePoint next_step_;
  std::uint32_t count_ = 0;  ///< each has a Call-ID of its own
};

}  // namespace postern::sbc
