// The folder that outlives a restart.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "acl/file_descriptor.hpp"
#include "sbc/engine.hpp"
#include "sbc/net/key_ring.hpp"

namespace postern::net {

/// Only Postern's own user may write there: whoever can change the key can make tokens.
class StateFolder {
 public:
  static constexpr std::size_t most_read = 65'536;

  /// Creates the folder (0700) if it is missing; its parent must exist. Throws StartError if it cannot be used.
  explicit StateFolder(std::string path);

  /// The secrets from the file `key` (KeyRing, 0600), made at the first start; a new table_seed each time. Throws StartError.
  [[nodiscard]] sbc::Secrets secrets();
  /// The secrets of a Postern that runs or ran with that folder, for who only looks; nullopt: there are none, or they may not be read.
  static std::optional<sbc::Secrets> peek(const std::string& path);
  /// Another key seals tokens from now on, if its time has come (KeyRing). `seconds`: since 1970. nullopt: it has not. Throws
  /// std::system_error, and all is as before, if it cannot be written; may be called from another thread once secrets() has returned.
  std::optional<sbc::Secrets> turn_keys(KeyRing::Seconds seconds);
  /// The file `name` of the state folder `path` holds `text`, whole and on the disk, and its owner alone may read it (0600). False: errno
  /// says why, and no half of it is there. Of each name from one thread at a time. It waits for the disk.
  [[nodiscard]] static bool write_whole(const std::string& path, const std::string& name, std::string_view text);
  /// What the plain file `name` of the state folder `path` holds; nullopt: there is none, it is larger than most_read bytes, or it is a
  /// link, a pipe or else no plain file. Whatever lies there, it never waits for another program.
  [[nodiscard]] static std::optional<std::string> read_whole(const std::string& path, const std::string& name);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return folder_.get(); }

 private:
  void check() const;
  [[nodiscard]] std::optional<KeyRing> read_key(KeyRing::Seconds now) const;
  /// False: errno says why.
  [[nodiscard]] bool write_key(const KeyRing& ring) const;

  std::string path_;
  acl::FileDescriptor folder_;
  std::optional<KeyRing> ring_;
};

}  // namespace postern::net
