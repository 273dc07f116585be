// Certificates and keys as a part of the configuration: what is wrong with them is told where the file names them.
#pragma once

#include "config/load.hpp"

namespace postern::commands {

/// Reads those of all listeners. What cannot be used is an error, after which `loaded` is not ok(); what soon will not be is a warning.
void check_certificates(config::LoadResult& loaded);

}  // namespace postern::commands
