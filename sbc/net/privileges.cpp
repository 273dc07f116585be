#include "sbc/net/privileges.hpp"

#include <cap-ng.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "acl/file_descriptor.hpp"
#include "sbc/net/start_error.hpp"

namespace postern::net {
namespace {

struct Account {
  uid_t user;
  gid_t group;
};

Account account_of(const std::string& user) {
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe): at the start, by one thread
  if (entry == nullptr && errno != 0)
    throw StartError(fmt::format("--user {}: cannot look it up: {}", user, std::generic_category().message(errno)));
  if (entry == nullptr) throw StartError(fmt::format("--user {0}: there is no such user: `adduser --system --group {0}` makes one", user));
  return {entry->pw_uid, entry->pw_gid};
}

/// The names in an open folder, `.` and `..` left out.
std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::fdopendir(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), ::closedir);
  if (open == nullptr) return names;
  while (const dirent* entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe): its own
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

/// Whether a folder that is root's is Postern's in fact, by the names in it.
using Judge = std::function<bool(const std::vector<std::string>& names)>;

/// Nobody but root can put another folder, or a link, in the place of it or of one above it. In a sticky folder nobody can but its owner.
bool is_roots_alone(const std::filesystem::path& path) {
  std::filesystem::path above;
  for (const std::filesystem::path& part : path) {
    above /= part;
    struct stat status{};
    if (::lstat(above.c_str(), &status) != 0 || status.st_uid != 0) return false;
    const bool others_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (!S_ISLNK(status.st_mode) && others_write) return false;
  }
  return true;
}

/// The folder that a folder is to stand in; invalid: it is not root's alone, by whatever way.
acl::FileDescriptor open_parent(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path written = std::filesystem::absolute(path, error).parent_path();
  const std::filesystem::path parent = std::filesystem::canonical(written, error);
  if (error || !is_roots_alone(written) || !is_roots_alone(parent)) return {};
  return acl::FileDescriptor(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Makes the folder, or gives away one that is root's, with the plain files and sockets in it that are. Nobody but root may write into it
/// or above it until then, so that no name on the way can be another's trick. What cannot be done is told by whoever uses the folder.
void give(std::filesystem::path path, mode_t mode, const Judge& is_ours, const Account& account) {
  if (!path.has_filename()) path = path.parent_path();  // written with a slash behind it
  const acl::FileDescriptor parent = open_parent(path);
  if (!parent) return;
  const std::string own = path.filename().string();
  ::mkdirat(parent.get(), own.c_str(), mode);
  const acl::FileDescriptor folder(::openat(parent.get(), own.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!folder || ::fstat(folder.get(), &status) != 0 || status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return;
  const std::vector<std::string> names = names_in(folder.get());
  if (!names.empty() && !is_ours(names)) return;
  for (const std::string& name : names) {
    const bool known = ::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    const bool plain = known && (S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode)) && status.st_nlink == 1;
    if (!plain || status.st_uid != 0) continue;
    if (::fchownat(folder.get(), name.c_str(), account.user, account.group, AT_SYMLINK_NOFOLLOW) != 0) return;
  }
  static_cast<void>(::fchown(folder.get(), account.user, account.group) == 0);
}

void give_folders(const ShellOptions& options, const Account& account) {
  give(options.state, 0700, [](const auto& names) { return std::ranges::find(names, "key") != names.end(); }, account);
  const std::filesystem::path control(options.control.path);
  const std::string socket = control.filename().string();
  give(control.parent_path(), 0755, [&socket](const auto& names) { return names.size() == 1 && names.front() == socket; }, account);
}

/// What stays, of what there is.
void change_to(const Account& account, bool kernel_bans) {
  if (::capng_get_caps_process() != 0) throw StartError("--user: the kernel does not tell which capabilities this process has");
  const bool may_close_off = ::capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP) == 1;
  std::vector<unsigned> kept;
  if (::capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE) == 1) kept.push_back(CAP_NET_BIND_SERVICE);
  if (kernel_bans && ::capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN) == 1) kept.push_back(CAP_NET_ADMIN);
  ::capng_clear(CAPNG_SELECT_ALL);
  for (const unsigned capability : kept)
    ::capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), capability);
  const int flags = CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_AMBIENT | (may_close_off ? CAPNG_CLEAR_BOUNDING : 0);
  const int result = ::capng_change_id(static_cast<int>(account.user), static_cast<int>(account.group), static_cast<capng_flags_t>(flags));
  if (result != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    throw StartError(fmt::format(
        "--user: cannot give up root's rights (step {}): it needs CAP_SETUID and CAP_SETGID (in a container: cap_add)", result));
}

}  // namespace

void become(const std::string& user, const ShellOptions& options) {
  const Account account = account_of(user);
  if (account.user == 0) throw StartError(fmt::format("--user {}: it has all of root's rights: name a user without them", user));
  if (::geteuid() == account.user) return;
  if (::geteuid() != 0)
    throw StartError(fmt::format("--user {}: only root can become another user: start it as root, or as {} without --user", user, user));
  give_folders(options, account);
  change_to(account, options.kernel == Kernel::nftables);
}

}  // namespace postern::net
