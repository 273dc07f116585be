// A file that an operator writes and the service reads.
#pragma once

#include <string>
#include <string_view>

namespace postern::commands {

struct WrittenFile {
  std::string problem;  ///< empty: it is written; else why not, and all is as it was
  std::string readers;  ///< who may read it, for the operator
};

/// Writes it whole or not at all, with mode 0640; by root it is given to the service's group, if there is one. One that is there already
/// is replaced only with `force`.
WrittenFile write_file_of_service(const std::string& path, std::string_view text, bool force);

}  // namespace postern::commands
