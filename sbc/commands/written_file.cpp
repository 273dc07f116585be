#include "sbc/commands/written_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "acl/file_descriptor.hpp"
#include "config/located.hpp"

namespace postern::commands {
namespace {

constexpr const char* service_group = "postern";

/// Of root's file, the group that reads it; empty: nobody but the owner's own does.
std::string give_to_service(int file) {
  if (::geteuid() != 0) return {};
  const ::group* group = ::getgrnam(service_group);  // NOLINT(concurrency-mt-unsafe): a command has one thread
  return group != nullptr && ::fchown(file, 0, group->gr_gid) == 0 ? service_group : std::string();
}

/// Under its own name at last. Without `force` a file that came there meanwhile stays: link() replaces nothing.
bool put_in_place(const std::string& temporary, const std::string& path, bool force) {
  if (force) return ::rename(temporary.c_str(), path.c_str()) == 0;
  const bool linked = ::link(temporary.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  return linked;
}

WrittenFile failed(const std::string& path) {
  return {fmt::format("cannot write {}: {}", config::printable(path), std::generic_category().message(errno)), {}};
}

}  // namespace

WrittenFile write_file_of_service(const std::string& path, std::string_view text, bool force) {
  std::string temporary = path + ".XXXXXX";
  const acl::FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return failed(path);
  const std::string group = give_to_service(file.get());
  const bool written = ::fchmod(file.get(), 0640) == 0 && (std::ofstream(temporary) << text << std::flush) && ::fsync(file.get()) == 0;
  if (!written || !put_in_place(temporary, path, force)) {
    const WrittenFile result = failed(path);
    ::unlink(temporary.c_str());
    return result;
  }
  if (!group.empty()) return {{}, fmt::format("mode 0640, for the group {}", group)};
  return {{}, fmt::format("mode 0640; the user that Postern runs as must be able to read it (chgrp {} FILE)", service_group)};
}

}  // namespace postern::commands
