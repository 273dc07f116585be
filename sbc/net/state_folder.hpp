// The folder that outlives a restart.
#pragma once

#include <string>

#include "acl/file_descriptor.hpp"
#include "sbc/engine.hpp"

namespace postern::net {

/// Only Postern's own user may write there: whoever can change the key can make tokens.
class StateFolder {
 public:
  /// Creates the folder (0700) if it is missing; its parent must exist. Throws StartError if it cannot be used.
  explicit StateFolder(std::string path);

  /// The secret from the file `key` (64 random bytes, 0600), made at the first start; a new table_seed each time. Throws StartError.
  [[nodiscard]] sbc::Secrets secrets() const;

 private:
  using Secret = decltype(sbc::Secrets::secret);
  void check() const;
  [[nodiscard]] bool read_key(Secret& secret) const;
  void write_key(const Secret& secret) const;

  std::string path_;
  acl::FileDescriptor folder_;
};

}  // namespace postern::net
