#include "sbc/net/control_socket.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace postern::net {
namespace {

constexpr int backlog = 16;
constexpr mode_t socket_mode = 0660;
constexpr mode_t folder_mode = 0755;

std::string error_text() { return std::generic_category().message(errno); }

/// Known to fit.
sockaddr_un socket_address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, std::begin(address.sun_path));
  return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

ControlSocket::ControlSocket(const ControlOptions& options) : path_(options.path), group_(options.group) { open(); }

bool ControlSocket::fail(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

void ControlSocket::open() {
  if (path_.size() >= sizeof(sockaddr_un::sun_path)) {
    fail(fmt::format("{} is longer than the {} bytes that a socket's path may have", path_, sizeof(sockaddr_un::sun_path) - 1));
    return;
  }
  if (!folder_is_safe() || !make_room()) return;
  acl::FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = socket_address_of(path_);
  struct stat status{};
  // Nobody connects before it listens, so that its mode may follow.
  const bool bound = fd && ::bind(fd.get(), generic(address), sizeof address) == 0;
  if (!bound || ::chmod(path_.c_str(), socket_mode) != 0 || ::lstat(path_.c_str(), &status) != 0) {
    fail(fmt::format("cannot make {}: {}; its folder must be writable for the user that Postern runs as (uid {})", path_, error_text(),
                     ::geteuid()));
    return;
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  give_to_group();
  if (::listen(fd.get(), backlog) != 0) {
    fail(fmt::format("cannot listen on {}: {}", path_, error_text()));
    return;
  }
  fd_ = std::move(fd);
  state_ = State::open;
}

ControlSocket::~ControlSocket() {
  struct stat status{};
  if (inode_ != 0 && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

// Whoever may write into it could put a socket of his own there, and answer the operator.
bool ControlSocket::folder_is_safe() {
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST) {
    return fail(
        fmt::format("cannot make the folder {}: {}; create it, owned by the user that Postern runs as (uid {}) and with mode 0755 "
                    "(systemd: RuntimeDirectory=postern), or name another path with the key `control`",
                    folder, error_text(), ::geteuid()));
  }
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return fail(fmt::format("{} is no folder", folder));
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    return fail(fmt::format("the folder {} belongs to uid {}, and not to the user that Postern runs as (uid {})", folder, status.st_uid,
                            ::geteuid()));
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(
        fmt::format("others may write into the folder {} (mode {:04o}), and could answer in Postern's place; run `chmod 0755 {}`, or "
                    "name a path in another folder with the key `control`",
                    folder, status.st_mode & 07777U, folder));
  return true;
}

bool ControlSocket::make_room() {
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) {
    return errno == ENOENT || fail(fmt::format("cannot examine {}: {}", path_, error_text()));
  }
  if (!S_ISSOCK(status.st_mode)) return fail(fmt::format("{} is there and is no socket: remove it, or name another path", path_));
  const acl::FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = socket_address_of(path_);
  const bool connected = probe && ::connect(probe.get(), generic(address), sizeof address) == 0;
  if (connected || errno == EAGAIN) {
    state_ = State::taken;
    return fail(fmt::format("another Postern listens on {}: give each one of its own", path_));
  }
  if (errno != ECONNREFUSED) return fail(fmt::format("cannot ask whether another Postern listens on {}: {}", path_, error_text()));
  // Of one that is dead.
  return ::unlink(path_.c_str()) == 0 || fail(fmt::format("cannot replace {}: {}", path_, error_text()));
}

void ControlSocket::give_to_group() {
  if (group_.empty()) return;
  const group* entry = ::getgrnam(group_.c_str());  // NOLINT(concurrency-mt-unsafe): at the start, by one thread
  if (entry == nullptr) {
    problem_ = fmt::format("there is no group {}: only the user that Postern runs as and its own group may use {}", group_, path_);
  } else if (::chown(path_.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0) {
    problem_ = fmt::format(
        "cannot give {} to the group {}: {}; the user that Postern runs as must be a member of it (systemd: SupplementaryGroups={}, and a "
        "SystemCallFilter= must leave it chown)",
        path_, group_, error_text(), group_);
  }
}

}  // namespace postern::net
