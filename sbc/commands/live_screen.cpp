#include "sbc/commands/live_screen.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace postern::commands {

namespace {

// The other screen, no cursor, no line that goes on in the next row; and back.
constexpr std::string_view enter_text = "\x1b[?1049h\x1b[?25l\x1b[?7l", leave_text = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::chrono::milliseconds between_looks{200};  // at the size of the terminal

/// Signals become bytes that wait_until() waits for together with the keys.
std::array<int, 2> signal_pipe{-1, -1};
constexpr std::array signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};
std::array<struct sigaction, signals.size()> handlers_before{};

void on_signal(int signal) {
  const int kept = errno;
  const auto byte = static_cast<char>(signal);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe[1], &byte, 1);
  errno = kept;
}

void catch_signals() {
  if (::pipe2(signal_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  struct sigaction action{};
  action.sa_handler = on_signal;
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals.at(i), &action, &handlers_before.at(i));
}

void release_signals() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals.at(i), &handlers_before.at(i), nullptr);
  for (const int fd : signal_pipe) ::close(fd);
}

/// False: nobody reads it any more.
bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

bool LiveScreen::possible() {
  const char* const kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): one thread
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

LiveScreen::LiveScreen() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) throw std::system_error(errno, std::generic_category(), "terminal");
  catch_signals();
  enter();
}

LiveScreen::~LiveScreen() {
  leave();
  release_signals();
}

void LiveScreen::enter() {
  termios quiet = before_;
  quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
  gone_ = !write_all(enter_text) || gone_;
}

void LiveScreen::leave() noexcept {
  write_all(leave_text);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

ScreenSize LiveScreen::size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

void LiveScreen::show(std::string_view text) {
  shown_ = size();
  gone_ = !write_all(text) || gone_;
}

LiveScreen::Woken LiveScreen::wait_until(std::chrono::steady_clock::time_point end) {
  while (!gone_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    std::array<pollfd, 2> waiting{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signal_pipe[0], POLLIN, 0}};
    const auto pause = std::clamp(left, std::chrono::milliseconds{0}, between_looks);
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(pause.count()));
    if (ready > 0 && asks_to_end()) break;
    if (const ScreenSize now = size(); now.columns != shown_.columns || now.rows != shown_.rows) return Woken::resized;
    if (ready == 0 && left <= between_looks) return Woken::time;
  }
  return Woken::quit;
}

/// Takes what there is of signals and keys.
bool LiveScreen::asks_to_end() {
  std::array<char, 64> bytes{};
  for (ssize_t size = 0; (size = ::read(signal_pipe[0], bytes.data(), bytes.size())) > 0;) {
    for (const char signal : std::string_view(bytes.data(), static_cast<std::size_t>(size))) {
      if (signal == SIGTSTP) {
        leave();
        ::raise(SIGSTOP);
      } else if (signal == SIGCONT) {
        enter();
        shown_ = {0, 0};  // all of it has to be shown again
      } else {
        return true;
      }
    }
  }
  pollfd keys{STDIN_FILENO, POLLIN, 0};
  if (::poll(&keys, 1, 0) <= 0) return false;
  const ssize_t size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  const std::string_view pressed(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return size <= 0 || pressed.find_first_of("qQ") != std::string_view::npos;
}

}  // namespace postern::commands
