#include "sbc/net/version.hpp"

#include <fmt/format.h>

namespace postern::net {

Version version() { return {POSTERN_VERSION, POSTERN_COMMIT, POSTERN_LIBRARIES}; }

std::string version_text() {
  const Version built = version();
  return fmt::format("postern {} (commit {})\n{}", built.number, built.commit, built.libraries);
}

}  // namespace postern::net
