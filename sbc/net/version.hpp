// What this binary is.
#pragma once

#include <string>
#include <string_view>

namespace postern::net {

struct Version {
  std::string_view number;     ///< "0.1.0"
  std::string_view commit;     ///< abbreviated, or "unknown" when it was not built from a checkout
  std::string_view libraries;  ///< "sofia-sip 1.12.11, Boost 1.81.0, ...": what it was built with
};

Version version();
/// What `postern --version` prints.
std::string version_text();

}  // namespace postern::net
