// The jail, as the operator sets it: fail2ban's words.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace postern::sbc {

/// So many within a time; the time begins with the first.
struct JailLimit {
  std::uint32_t max_retry = 5;
  std::chrono::seconds find_time{600};
  bool operator==(const JailLimit&) const = default;
};

/// Each further ban of an address lasts `factor` times as long as the one before, and at most `max`.
struct BanTimeIncrement {
  std::uint32_t factor = 4;
  std::chrono::seconds max = std::chrono::hours{30 * 24};
  bool operator==(const BanTimeIncrement&) const = default;
};

struct JailOptions {
  bool on = true;  ///< off: nobody is banned for what he does; rules, traps and the operator ban all the same
  JailLimit failed;
  std::chrono::seconds ban_time{3600};
  std::optional<BanTimeIncrement> increment = BanTimeIncrement{};
  std::optional<JailLimit> unknown_users = JailLimit{10, std::chrono::seconds{600}};
  std::optional<JailLimit> malformed = JailLimit{20, std::chrono::seconds{60}};
  std::vector<std::string> trap_extensions;  ///< shell patterns (acl::ShellPattern)
  bool operator==(const JailOptions&) const = default;
};

}  // namespace postern::sbc
