#include "sbc/net/named_files.hpp"

#include <sys/stat.h>

namespace postern::net {

NamedFiles::Stamp NamedFiles::stamp_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

NamedFiles::NamedFiles(const std::vector<std::string>& paths, const NamedFiles& before) {
  for (const std::string& path : paths) {
    const auto found = before.stamps_.find(path);
    stamps_.emplace(path, found == before.stamps_.end() ? stamp_of(path) : found->second);
  }
}

std::vector<std::string> NamedFiles::replaced_in(const NamedFiles& later) const {
  std::vector<std::string> replaced;
  for (const auto& [path, stamp] : stamps_) {
    const auto found = later.stamps_.find(path);
    if (found != later.stamps_.end() && found->second != stamp) replaced.push_back(path);
  }
  return replaced;
}

NamedFiles NamedFiles::again() const {
  NamedFiles now;
  for (const auto& [path, stamp] : stamps_) now.stamps_.emplace(path, stamp_of(path));
  return now;
}

}  // namespace postern::net
