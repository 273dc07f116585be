// Where else a request may go that the PBX leaves unanswered: the next of its addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sbc/state.hpp"

namespace postern::sbc {

class Failover final : public NextHops {
 public:
  explicit Failover(State& state) : state_(state) {}

  void silent(const Transaction& transaction, TimePoint sent_at, TimePoint now) override;
  [[nodiscard]] std::optional<std::uint8_t> next(const Transaction& transaction, TimePoint now) override;
  [[nodiscard]] Flow flow_of(std::uint8_t hop) const override;
  void readdress(std::string& sent, std::uint8_t hop) const override;

 private:
  /// A reload may have moved it since its index was taken.
  [[nodiscard]] std::optional<std::uint8_t> place_of(const Endpoint& pbx) const;

  State& state_;
};

}  // namespace postern::sbc
