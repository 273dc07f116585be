#include "sbc/net/alert_command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "acl/file_descriptor.hpp"

namespace postern::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds look_again{100};  // a stop waits no longer
constexpr milliseconds to_be_killed{1'000};

AlertResult failed(std::string what) { return {false, false, std::move(what)}; }

std::string reason_of(int error) { return std::generic_category().message(error); }

/// A file in memory with that text, to be read from its beginning: unlike a pipe it waits for nobody. Invalid: errno says why.
acl::FileDescriptor input_of(std::string_view text) {
  acl::FileDescriptor file(::memfd_create("alert", MFD_CLOEXEC));
  if (!file) return file;
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) return acl::FileDescriptor();
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::lseek(file.get(), 0, SEEK_SET) == 0 ? std::move(file) : acl::FileDescriptor();
}

/// What is ours alone: an older alert's words, and where systemd hears us and keeps our credentials.
bool is_inherited(std::string_view variable) {
  constexpr std::array ours = {"POSTERN_", "NOTIFY_SOCKET=", "WATCHDOG_", "CREDENTIALS_DIRECTORY="};
  return std::ranges::none_of(ours, [&](std::string_view each) { return variable.starts_with(each); });
}

/// What is done in the child before the program begins.
class Spawning {
 public:
  explicit Spawning(int input) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);  // Asio's sockets stay open over exec
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, ignored;
    ::sigemptyset(&none);
    ::sigemptyset(&ignored);
    ::sigaddset(&ignored, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &ignored);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Spawning() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;

  /// 0, or the error.
  int spawn(pid_t& pid, std::string path, std::vector<std::string> more_environment) const {
    std::vector<char*> environment;
    for (char** each = environ; *each != nullptr; ++each)
      if (is_inherited(*each)) environment.push_back(*each);
    for (std::string& each : more_environment) environment.push_back(each.data());
    environment.push_back(nullptr);
    std::array<char*, 2> arguments{path.data(), nullptr};
    return ::posix_spawn(&pid, path.c_str(), &actions_, &attributes_, arguments.data(), environment.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// Whether the process has ended by then.
bool wait_for(int pidfd, steady_clock::time_point until, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd ended{pidfd, POLLIN, 0};
    if (::poll(&ended, 1, static_cast<int>(look_again.count())) > 0) return true;
    if (steady_clock::now() >= until) return false;
  }
  return false;
}

/// It has ended.
AlertResult reap(int pidfd) {
  siginfo_t end{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &end, WEXITED) != 0) return failed("how it ended is not known: " + reason_of(errno));
  if (end.si_code != CLD_EXITED) return failed(fmt::format("ended by signal {}", end.si_status));
  const std::string what = fmt::format("exit status {}", end.si_status);
  return end.si_status == 0 ? AlertResult{true, false, what} : failed(what);
}

}  // namespace

AlertResult run_command(const std::string& path, const std::string& json, const std::string& kind, const std::string& message,
                        milliseconds longest, const std::stop_token& stop) {
  const auto until = steady_clock::now() + longest;
  const acl::FileDescriptor input = input_of(json);
  if (!input) return failed("no memory for what it is to read: " + reason_of(errno));
  pid_t pid = 0;
  if (const int error = Spawning(input.get()).spawn(pid, path, {"POSTERN_ALERT=" + kind, "POSTERN_MESSAGE=" + message}); error != 0)
    return failed("cannot be run: " + reason_of(error));
  // By its number: the header of glibc 2.36 declares the function for C alone.
  const acl::FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return failed("cannot be waited for: " + reason_of(errno));
  if (wait_for(process.get(), until, stop)) return reap(process.get());
  if (stop.stop_requested()) return failed("Postern stops, and does not wait for it");
  ::kill(-pid, SIGKILL);
  if (wait_for(process.get(), steady_clock::now() + to_be_killed, stop)) static_cast<void>(reap(process.get()));
  return failed(fmt::format("took longer than {} s, and was killed", std::chrono::duration_cast<std::chrono::seconds>(longest).count()));
}

}  // namespace postern::net
