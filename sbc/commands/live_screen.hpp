// The terminal while something is shown on it again and again.
#pragma once

#include <termios.h>

#include <chrono>
#include <string_view>

#include "sbc/commands/top_view.hpp"

namespace postern::commands {

/// Standard input and output, a terminal: its other screen, without echo. Whatever ends this, a signal too, gives the terminal back as it
/// was. One at a time.
class LiveScreen {
 public:
  enum class Woken { time, resized, quit };  ///< quit: `q`, a signal that asks to end, or the terminal is gone

  /// Both are a terminal that can be written over.
  static bool possible();

  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  [[nodiscard]] static ScreenSize size();
  void show(std::string_view text);
  /// Until then, or until something happens before. A signal since the last call counts.
  [[nodiscard]] Woken wait_until(std::chrono::steady_clock::time_point end);

 private:
  void enter();
  void leave() noexcept;
  [[nodiscard]] bool asks_to_end();

  termios before_{};
  ScreenSize shown_;
  bool gone_ = false;
};

}  // namespace postern::commands
