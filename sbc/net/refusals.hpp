// What was refused lately, each under an id that the log names: what `postern why` tells.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "sbc/event.hpp"

namespace postern::net {

/// Called from any worker's thread, at most some hundred times a second: the log's own allowance is in front of it. Bounded by the bytes of
/// what it holds; the oldest goes first.
class Refusals {
 public:
  static constexpr std::size_t most_bytes = 8U << 20U;  ///< of all together
  static constexpr std::size_t most_evidence = 2048;    ///< bytes of one packet

  /// `run`: a number that is new at each start, so that an id of an earlier run names nothing.
  explicit Refusals(std::uint32_t run, std::size_t bytes = most_bytes) : run_(run & run_mask), most_(bytes) {}

  /// The id of an event that refused something, or would have; empty: it is none of these.
  std::string remember(const sbc::Event& event);

  /// `{"id", "time", "event", "reason", "meaning", "rule", "file", "line", "source", "country", "transport", ... , "evidence",
  /// "evidence_bytes", "of_source"}`; `of_source` is how many others of that address are remembered, by reason. nullopt: it is not known,
  /// `problem` says why.
  struct Found {
    sbc::Endpoint source;
    nlohmann::ordered_json json;
  };
  [[nodiscard]] std::optional<Found> find(std::string_view id, std::string& problem) const;
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::uint32_t run_mask = 0xFFFFF;  // four digits of base 32

  struct Refusal {
    std::int64_t time = 0;  ///< seconds since 1970
    sbc::EventKind kind = sbc::EventKind::refused;
    sbc::Outcome reason = sbc::Outcome::forwarded;
    std::optional<sbc::Cause> cause;  ///< in the place of `reason`
    int line = 0;
    sbc::Endpoint source;
    std::uint64_t count = 0;
    std::size_t packet_bytes = 0;
    std::string rule, file, country, method, device, user_agent, call_id, number, number_class, listener, detail, message, packet;
    [[nodiscard]] std::size_t bytes() const;
  };
  [[nodiscard]] static Refusal refusal_of(const sbc::Event& event);
  /// Of one source, by what refused it.
  struct Counts {
    std::array<std::uint64_t, sbc::outcome_count> reasons{};
    std::array<std::uint64_t, sbc::cause_count> causes{};
    std::uint64_t connections = 0;
  };
  [[nodiscard]] Counts others_of(const Refusal& refusal) const;
  [[nodiscard]] static nlohmann::ordered_json json_of(const Counts& counts);
  [[nodiscard]] static nlohmann::ordered_json json_of(std::string_view id, const Refusal& refusal, const Counts& others);

  std::uint32_t run_;
  std::size_t most_;
  mutable std::mutex lock_;
  std::deque<Refusal> refusals_;
  std::uint64_t first_ = 1;  ///< the number of the oldest
  std::size_t bytes_ = 0;
};

}  // namespace postern::net
