// Whether lists, databases and certificates are still what they were when they were read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace postern::net {

/// By name: when they were written, how large they are and which file that is. A file that is not there is one, too.
class NamedFiles {
 public:
  NamedFiles() = default;
  /// Looks at each of them now, but for those that `before` has looked at: before they were read, that is, so that one that is replaced
  /// meanwhile is found to be another.
  explicit NamedFiles(const std::vector<std::string>& paths, const NamedFiles& before = {});

  /// Those of both that are others now.
  [[nodiscard]] std::vector<std::string> replaced_in(const NamedFiles& later) const;
  /// The same files, looked at again.
  [[nodiscard]] NamedFiles again() const;

 private:
  struct Stamp {
    std::int64_t written_s = 0, written_ns = 0, bytes = -1;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::string& path);

  std::map<std::string, Stamp> stamps_;
};

}  // namespace postern::net
