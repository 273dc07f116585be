// The socket in the file system that the control commands come to: its place, its permissions, whose it is.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "acl/file_descriptor.hpp"
#include "sbc/net/options.hpp"

namespace postern::net {

/// Bound and listening. Taken away from the file system at its end, if it is still this one that stands there.
class ControlSocket {
 public:
  enum class State : std::uint8_t { open, taken, failed };

  /// Makes the folder if it is missing (mode 0755), replaces the socket of a daemon that is dead, never one of another that lives.
  explicit ControlSocket(const ControlOptions& options);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// `taken`: another daemon listens there.
  [[nodiscard]] State state() const { return state_; }
  /// What is wrong, and what to do; may be told of one that is open, too.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// The listening socket, which the caller owns from now on.
  [[nodiscard]] int release() { return fd_.release(); }

 private:
  void open();
  [[nodiscard]] bool folder_is_safe();
  [[nodiscard]] bool make_room();
  void give_to_group();
  bool fail(std::string problem);

  std::string path_, group_;
  acl::FileDescriptor fd_;
  State state_ = State::failed;
  std::string problem_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace postern::net
