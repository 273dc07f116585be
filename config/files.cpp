#include "config/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "acl/file_descriptor.hpp"

namespace postern::config {
namespace {

FileError failure(const char* what) { return {fmt::format("cannot {}: {}", what, std::generic_category().message(errno))}; }

}  // namespace

std::variant<std::string, FileError> read_file(const std::string& path, std::size_t most) {
  // Not to wait for the other end of a FIFO; on a regular file the flag does nothing.
  const acl::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return failure("open");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return failure("open");
  if (!S_ISREG(status.st_mode)) return FileError{"is no regular file"};
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.size() <= most) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("read");
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return FileError{fmt::format("is larger than {} KiB", most / 1024)};
}

}  // namespace postern::config
