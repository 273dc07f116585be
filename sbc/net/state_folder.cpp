#include "sbc/net/state_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "sbc/net/start_error.hpp"

namespace postern::net {

namespace {

constexpr const char* key_name = "key";
constexpr std::size_t most_key_bytes = 1024;

std::string error_text() { return std::generic_category().message(errno); }

void fill_random(std::span<std::uint8_t> out) {
  // Up to 256 bytes come whole or not at all (getrandom(2)).
  if (::getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) {
    throw StartError(fmt::format("the system gives no random numbers: {}", error_text()));
  }
}

KeyRing::Seconds key_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

acl::FileDescriptor open_folder(const std::string& path) {
  return acl::FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

acl::FileDescriptor open_file(int folder, const char* name) {
  return acl::FileDescriptor(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
}

acl::FileDescriptor open_key(int folder) { return open_file(folder, key_name); }

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// StateFolder::write_whole(), of an open folder.
bool write_whole_in(int folder, const std::string& name, std::string_view text) {
  const std::string next = name + ".new";
  // Left over from a time that was interrupted.
  ::unlinkat(folder, next.c_str(), 0);
  const acl::FileDescriptor file(::openat(folder, next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  return file && write_all(file.get(), text) && ::fsync(file.get()) == 0 && ::renameat(folder, next.c_str(), folder, name.c_str()) == 0 &&
         ::fsync(folder) == 0;
}

/// Empty: no plain file, or not to be read.
std::string read_bytes(const acl::FileDescriptor& file, const struct stat& status, std::size_t most) {
  std::string bytes(most, '\0');
  const ssize_t size = S_ISREG(status.st_mode) ? ::read(file.get(), bytes.data(), bytes.size()) : 0;
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return bytes;
}

}  // namespace

StateFolder::StateFolder(std::string path) : path_(std::move(path)) {
  if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) {
    throw StartError(fmt::format(
        "state: cannot create the folder {}: {}; create it, owned by the user that Postern runs as (uid {}) and with mode 0700, "
        "or name another one with the key `state`",
        path_, error_text(), ::geteuid()));
  }
  folder_ = open_folder(path_);
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

sbc::Secrets StateFolder::secrets() {
  const KeyRing::Seconds now = key_time();
  ring_ = read_key(now);
  const bool restarted = ring_.has_value();
  if (!restarted) {
    KeyRing::Secret secret{};
    fill_random(secret);
    ring_.emplace(secret, now);
    if (!write_key(*ring_)) {
      throw StartError(fmt::format("state: cannot write {}/{}: {}; the folder must be writable for the user that Postern runs as (uid {})",
                                   path_, key_name, error_text(), ::geteuid()));
    }
  }
  sbc::Secrets secrets;
  secrets.restarted = restarted;
  ring_->fill(secrets);
  std::array<std::uint8_t, sizeof secrets.table_seed> seed{};
  fill_random(seed);
  for (const std::uint8_t byte : seed) secrets.table_seed = (secrets.table_seed << 8U) | byte;
  return secrets;
}

std::optional<sbc::Secrets> StateFolder::peek(const std::string& path) {
  const acl::FileDescriptor folder = open_folder(path);
  if (!folder) return std::nullopt;
  const acl::FileDescriptor file = open_key(folder.get());
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return std::nullopt;
  const auto ring = KeyRing::from_bytes(read_bytes(file, status, most_key_bytes), key_time());
  if (!ring) return std::nullopt;
  sbc::Secrets secrets;
  ring->fill(secrets);
  return secrets;
}

std::optional<sbc::Secrets> StateFolder::turn_keys(KeyRing::Seconds seconds) {
  if (!ring_ || !ring_->due(seconds)) return std::nullopt;
  KeyRing turned = *ring_;
  std::array<std::uint8_t, KeyRing::seal_size> fresh{};
  fill_random(fresh);
  turned.turn(seconds, fresh);
  // What seals must open after a restart: it seals nothing before it is on the disk.
  if (!write_key(turned)) throw std::system_error(errno, std::generic_category(), key_name);
  ring_ = turned;
  sbc::Secrets secrets;
  ring_->fill(secrets);
  return secrets;
}

std::optional<KeyRing> StateFolder::read_key(KeyRing::Seconds now) const {
  const acl::FileDescriptor file = open_key(folder_.get());
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) throw StartError(fmt::format("state: cannot read {}/{}: {}", path_, key_name, error_text()));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw StartError(fmt::format("state: cannot examine {}/{}: {}", path_, key_name, error_text()));
  const std::string bytes = read_bytes(file, status, most_key_bytes);
  auto ring = KeyRing::from_bytes(bytes, now);
  if (!ring) {
    throw StartError(
        fmt::format("state: {}/{} is not a file of Postern's with a key of {} bytes; remove it and a new one "
                    "is made (phones that are registered then have to register again)",
                    path_, key_name, KeyRing::Secret{}.size()));
  }
  if ((status.st_mode & 077U) != 0 || status.st_uid != ::geteuid()) {
    throw StartError(
        fmt::format("state: others may read or change {0}/{1}; if nobody has, run `chown {2} {0}/{1}; chmod 0600 {0}/{1}`, else remove it "
                    "and a new key is made",
                    path_, key_name, ::geteuid()));
  }
  // A key of the first versions: its age counts from today, if that can be written down.
  if (bytes.size() == KeyRing::Secret{}.size()) static_cast<void>(write_key(*ring));
  return ring;
}

bool StateFolder::write_key(const KeyRing& ring) const { return write_whole_in(folder_.get(), key_name, ring.to_bytes()); }

bool StateFolder::write_whole(const std::string& path, const std::string& name, std::string_view text) {
  const acl::FileDescriptor folder = open_folder(path);
  return folder && write_whole_in(folder.get(), name, text);
}

std::optional<std::string> StateFolder::read_whole(const std::string& path, const std::string& name) {
  const acl::FileDescriptor folder = open_folder(path);
  if (!folder) return std::nullopt;
  const acl::FileDescriptor file = open_file(folder.get(), name.c_str());
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > off_t{most_read}) return std::nullopt;
  return read_bytes(file, status, most_read);
}

}  // namespace postern::net
