// What the commands end with.
#pragma once

namespace postern::commands {

inline constexpr int exit_good = 0;
inline constexpr int exit_failed = 1;  ///< refused, or a file cannot be read or is wrong
inline constexpr int exit_usage = 2;
inline constexpr int exit_no_daemon = 3;
inline constexpr int exit_broken = 70;  ///< EX_SOFTWARE of sysexits.h: not the configuration's fault, and a supervisor starts it again

}  // namespace postern::commands
