#include "sbc/net/state_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <span>
#include <system_error>

#include "sbc/net/start_error.hpp"

namespace postern::net {

namespace {

constexpr const char* key_name = "key";
constexpr const char* new_key_name = "key.new";

std::string error_text() { return std::generic_category().message(errno); }

void fill_random(std::span<std::uint8_t> out) {
  // Up to 256 bytes come whole or not at all (getrandom(2)).
  if (::getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) {
    throw StartError(fmt::format("the system gives no random numbers: {}", error_text()));
  }
}

}  // namespace

StateFolder::StateFolder(std::string path) : path_(std::move(path)) {
  if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) {
    throw StartError(fmt::format(
        "state: cannot create the folder {}: {}; create it, owned by the user that Postern runs as (uid {}) and with mode 0700, "
        "or name another one with the key `state`",
        path_, error_text(), ::geteuid()));
  }
  folder_ = acl::FileDescriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_) {
    throw StartError(
        fmt::format("state: cannot open the folder {}: {}; it must be a folder owned by the user that Postern runs as (uid {}), "
                    "or name another one with the key `state`",
                    path_, error_text(), ::geteuid()));
  }
  check();
}

void StateFolder::check() const {
  struct stat status{};
  if (::fstat(folder_.get(), &status) != 0) throw StartError(fmt::format("state: cannot examine {}: {}", path_, error_text()));
  if (status.st_uid != ::geteuid()) {
    throw StartError(
        fmt::format("state: the folder {} belongs to uid {}, but Postern runs as uid {}; run `chown {} {}` as root, or name another "
                    "one with the key `state`",
                    path_, status.st_uid, ::geteuid(), ::geteuid(), path_));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw StartError(
        fmt::format("state: others may write into the folder {} (mode {:04o}), and so could read or change the key; run `chmod 0700 {}`",
                    path_, status.st_mode & 07777U, path_));
  }
}

sbc::Secrets StateFolder::secrets() const {
  sbc::Secrets secrets;
  secrets.restarted = read_key(secrets.secret);
  if (!secrets.restarted) {
    fill_random(secrets.secret);
    write_key(secrets.secret);
  }
  std::array<std::uint8_t, sizeof secrets.table_seed> seed{};
  fill_random(seed);
  for (const std::uint8_t byte : seed) secrets.table_seed = (secrets.table_seed << 8U) | byte;
  return secrets;
}

bool StateFolder::read_key(Secret& secret) const {
  const acl::FileDescriptor file(::openat(folder_.get(), key_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return false;
  if (!file) throw StartError(fmt::format("state: cannot read {}/{}: {}", path_, key_name, error_text()));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw StartError(fmt::format("state: cannot examine {}/{}: {}", path_, key_name, error_text()));
  const bool whole = S_ISREG(status.st_mode) && status.st_size == static_cast<off_t>(secret.size());
  if (!whole || ::read(file.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size())) {
    throw StartError(
        fmt::format("state: {}/{} is not a file of {} bytes; remove it and a new key is made (phones that are registered then have to "
                    "register again)",
                    path_, key_name, secret.size()));
  }
  if ((status.st_mode & 077U) != 0 || status.st_uid != ::geteuid()) {
    throw StartError(
        fmt::format("state: others may read or change {0}/{1}; if nobody has, run `chown {2} {0}/{1}; chmod 0600 {0}/{1}`, else remove it "
                    "and a new key is made",
                    path_, key_name, ::geteuid()));
  }
  return true;
}

void StateFolder::write_key(const Secret& secret) const {
  // Left over from a start that was interrupted.
  ::unlinkat(folder_.get(), new_key_name, 0);
  const acl::FileDescriptor file(::openat(folder_.get(), new_key_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const bool written = file && ::write(file.get(), secret.data(), secret.size()) == static_cast<ssize_t>(secret.size()) &&
                       ::fsync(file.get()) == 0 && ::renameat(folder_.get(), new_key_name, folder_.get(), key_name) == 0 &&
                       ::fsync(folder_.get()) == 0;
  if (!written) {
    throw StartError(fmt::format("state: cannot write {}/{}: {}; the folder must be writable for the user that Postern runs as (uid {})",
                                 path_, key_name, error_text(), ::geteuid()));
  }
}

}  // namespace postern::net
