// Who may be abroad for a while: `postern allow add 1001 --country JP --for 14d`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "acl/options.hpp"
#include "acl/rate.hpp"

namespace postern::acl {

/// Rules that refuse by country or asn do not hold for this device in this country until then.
struct TravelPass {
  std::string device;
  Country country;
  TimePoint until;
};

/// Immutable. A handful: they are gone through.
class TravelPasses {
 public:
  TravelPasses() = default;
  explicit TravelPasses(std::vector<TravelPass> passes) : passes_(std::move(passes)) {}

  [[nodiscard]] bool empty() const { return passes_.empty(); }
  /// May anybody come from there? Then what comes has to be read before a country refuses it.
  [[nodiscard]] bool name(Country country, TimePoint now) const;
  /// May this device, as it stands in the pass?
  [[nodiscard]] bool hold(std::string_view device, Country country, TimePoint now) const;

 private:
  std::vector<TravelPass> passes_;
};

}  // namespace postern::acl
