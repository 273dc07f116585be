#include "acl/travel_passes.hpp"

#include <algorithm>

namespace postern::acl {

bool TravelPasses::name(Country country, TimePoint now) const {
  return std::ranges::any_of(passes_, [&](const TravelPass& pass) { return pass.country == country && pass.until > now; });
}

bool TravelPasses::hold(std::string_view device, Country country, TimePoint now) const {
  return std::ranges::any_of(passes_,
                             [&](const TravelPass& pass) { return pass.country == country && pass.until > now && pass.device == device; });
}

}  // namespace postern::acl
