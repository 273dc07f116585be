#include "acl/emergency.hpp"

namespace postern::acl {

EmergencyNumbers::EmergencyNumbers(const PolicyOptions& options)
    : numbers_(options.emergency.begin(), options.emergency.end()),
      prefixes_(options.emergency_prefixes.begin(), options.emergency_prefixes.end()),
      first_(options.emergency.empty() ? std::string() : options.emergency.front()),
      gate_{"emergency", options.emergency_at} {
  prefixes_.insert("");
}

bool EmergencyNumbers::contains(std::string_view dialled) const {
  if (dialled.size() > longest) return false;
  for (std::size_t prefix = 0; prefix < dialled.size(); ++prefix) {
    if (prefixes_.contains(dialled.substr(0, prefix)) && numbers_.contains(dialled.substr(prefix))) return true;
  }
  return false;
}

}  // namespace postern::acl
