// What the operator has switched (`postern bypass`, `lockdown`, `block`), on the disk and as the engines take it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sbc/net/control.hpp"
#include "sbc/net/operator_words.hpp"
#include "sbc/switches.hpp"

namespace postern::net {

/// Of the main thread alone. They stand in the file `switches` of the state folder, a line each: `bypass UNTIL`, `lockdown UNTIL`,
/// `block DEVICE all|outgoing UNTIL`, UNTIL in seconds since 1970. Lines that cannot be read are passed over, and so is what has ended.
class SwitchFile {
 public:
  static constexpr std::size_t most_blocks = 100;

  /// Something begins, or ends.
  struct Change {
    std::string_view what;   ///< "bypass", "lockdown" or "block"
    std::string device;      ///< of a block
    std::int64_t until = 0;  ///< seconds since 1970; 0: it has ended
  };
  using Changes = std::vector<Change>;
  /// What has changed, or why nothing has.
  using Result = std::variant<Changes, std::string>;

  /// Reads what stands there. `folder`: the state folder's path. `time`: seconds since 1970.
  explicit SwitchFile(std::string folder, std::function<std::int64_t()> time = seconds_now);

  /// For engines whose time it is.
  [[nodiscard]] std::shared_ptr<const sbc::Switches> snapshot(acl::TimePoint now) const;
  /// `{"bypass": UNTIL or null, "lockdown": UNTIL or null, "blocks": [{"device", "outgoing", "until"}]}`, of what stands now.
  [[nodiscard]] nlohmann::ordered_json json() const;
  [[nodiscard]] bool bypass() const;
  /// When the next of them ends; nullopt: none stands.
  [[nodiscard]] std::optional<std::chrono::seconds> next_end() const;
  /// Forgets what has ended by itself since the last time.
  [[nodiscard]] Changes take_ended();

  /// `for` (seconds), or `off`. One of the two ends the other. What has ended is forgotten before, by take_ended().
  [[nodiscard]] Result set_bypass(const ControlArguments& arguments);
  [[nodiscard]] Result set_lockdown(const ControlArguments& arguments);
  /// `device`, `for` and perhaps `outgoing`, or `off`.
  [[nodiscard]] Result set_block(const ControlArguments& arguments);

  /// The file, as it has to be now.
  [[nodiscard]] std::string text() const;
  /// Writes that into the state folder; what is wrong with that, empty: nothing. It waits for the disk: for a thread other than the one
  /// that the rest is of.
  [[nodiscard]] static std::string write(const std::string& folder, const std::string& text);

 private:
  struct Block {
    std::string device;
    bool outgoing = false;
    std::int64_t until = 0;
  };
  /// Seconds since 1970; 0: off.
  struct Standing {
    std::int64_t bypass = 0, lockdown = 0;
    std::vector<Block> blocks;
  };
  struct Switch {
    std::string_view what;
    std::int64_t Standing::* until;
  };
  static constexpr std::array<Switch, 2> both{{{"bypass", &Standing::bypass}, {"lockdown", &Standing::lockdown}}};
  void read_line(const std::string& line);
  Result set(std::size_t index, const ControlArguments& arguments);

  std::string folder_;
  std::function<std::int64_t()> time_;
  Standing standing_;
};

}  // namespace postern::net
