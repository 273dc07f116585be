// What the operator has switched (`postern bypass`, `lockdown`, `block`), on the disk and as the engines take it.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sbc/net/control.hpp"
#include "sbc/switches.hpp"

namespace postern::net {

/// Of the main thread alone. They stand in the file `switches` of the state folder, a line each: `bypass UNTIL`, `lockdown UNTIL`,
/// `block DEVICE all|outgoing UNTIL`, UNTIL in seconds since 1970. Lines that cannot be read are passed over, and so is what has ended.
class SwitchFile {
 public:
  static constexpr std::size_t most_blocks = 100;

  /// Reads what stands there. `folder`: the state folder's path.
  explicit SwitchFile(std::string folder);

  /// For engines whose time it is.
  [[nodiscard]] std::shared_ptr<const sbc::Switches> snapshot(acl::TimePoint now) const;
  /// `{"bypass": UNTIL or null, "lockdown": UNTIL or null, "blocks": [{"device", "outgoing", "until"}]}`, of what stands now.
  [[nodiscard]] nlohmann::ordered_json json() const;
  [[nodiscard]] bool bypass() const;
  /// When the next of them ends; nullopt: none stands.
  [[nodiscard]] std::optional<std::chrono::seconds> next_end() const;

  /// `for` (seconds), or `off`. One of the two ends the other. The answer is json(), with a `warning` if it could not be written, or why
  /// not.
  AnswerPart set_bypass(const ControlArguments& arguments);
  AnswerPart set_lockdown(const ControlArguments& arguments);
  /// `device`, `for` and perhaps `outgoing`, or `off`.
  AnswerPart set_block(const ControlArguments& arguments);

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
  void read_line(const std::string& line);
  AnswerPart set(std::int64_t Standing::* which, std::int64_t Standing::* opposite, const ControlArguments& arguments);
  AnswerPart take(Standing next);
  [[nodiscard]] bool write() const;

  std::string folder_;
  Standing standing_;
};

}  // namespace postern::net
