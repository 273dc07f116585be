// Files that the configuration names.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

namespace postern::config {

struct FileError {
  std::string message;  ///< "cannot open: No such file or directory"
};

/// All of a file of at most `most` bytes. A larger one, a directory or a device is an error.
std::variant<std::string, FileError> read_file(const std::string& path, std::size_t most);

}  // namespace postern::config
