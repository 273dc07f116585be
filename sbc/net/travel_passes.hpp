// The travel passes that the operator gave (`postern allow`), on the disk and as the engines take them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acl/travel_passes.hpp"
#include "sbc/net/control.hpp"

namespace postern::net {

/// Of the main thread alone. They stand in the file `passes` of the state folder, a line `DEVICE COUNTRY UNTIL` each, UNTIL in seconds
/// since 1970; lines that cannot be read are passed over, and so are passes that have ended or that last longer than any may.
class TravelPassFile {
 public:
  static constexpr std::size_t most = 1000;

  /// Reads what stands there. `folder`: the state folder's path.
  explicit TravelPassFile(std::string folder);

  /// For engines whose time it is.
  [[nodiscard]] std::shared_ptr<const acl::TravelPasses> snapshot(acl::TimePoint now) const;
  /// An array of `{"device", "country", "until"}`.
  [[nodiscard]] AnswerPart list() const;
  /// `device`, `country` and `for` (seconds): prolongs or shortens one that stands. What was done, or why not.
  AnswerPart add(const ControlArguments& arguments);
  /// `device` and perhaps `country`; without one, all of that device.
  AnswerPart remove(const ControlArguments& arguments);

 private:
  struct Pass {
    std::string device;
    acl::Country country;
    std::int64_t until = 0;  ///< seconds since 1970
  };
  void forget_ended();
  [[nodiscard]] bool write() const;

  std::string folder_;
  std::vector<Pass> passes_;
};

}  // namespace postern::net
