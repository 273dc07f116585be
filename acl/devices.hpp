// From where each device may come: the Permit, Deny and Bind Address of the checklist.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "acl/device_set.hpp"
#include "acl/networks.hpp"
#include "acl/options.hpp"
#include "acl/shell_pattern.hpp"

namespace postern::acl {

/// Immutable. A user's entry is the one of its exact name, else the first in file order whose group or pattern matches. Names, those of
/// groups too, cost one look-up each however many there are; only patterns before the entry that a name has found are tried.
class Devices {
 public:
  Devices() = default;
  /// A text instead: which pattern is too long.
  static std::variant<Devices, std::string> compile(const PolicyOptions& options);

  /// The entry that keeps this user out, or nullptr. `user`: escapes decoded. `listener`: by name. Allocates nothing.
  [[nodiscard]] const Gate* refuses(std::string_view user, const Address& source, std::string_view listener) const;
  /// What is dialled to reach it: its own entry's `extension`, else the user itself.
  [[nodiscard]] std::string_view extension_of(std::string_view user) const;
  /// The entry that holds for this user: its place in PolicyOptions::devices; nullopt: none. `user`: escapes decoded. Allocates nothing.
  [[nodiscard]] std::optional<std::size_t> entry_of(std::string_view user) const;
  [[nodiscard]] bool empty() const { return entries_.empty(); }

 private:
  /// Network -> its prefix length; one for each list however many entries name it.
  using Lengths = std::shared_ptr<const NetworkMap>;
  struct Entry {
    Gate gate;
    std::vector<Lengths> permit, deny;
    std::vector<std::string> listeners;
    std::string extension;

    [[nodiscard]] bool admits(const Address& source) const;
    [[nodiscard]] bool takes(std::string_view listener) const;
  };
  struct Pattern {
    ShellPattern pattern;
    std::size_t entry = 0;
  };

  [[nodiscard]] const Entry* find(std::string_view user) const;

  std::vector<Entry> entries_;    ///< in file order
  TextMap<std::size_t> own_;      ///< user -> the entry of its name
  TextMap<std::size_t> members_;  ///< user -> the first entry whose group names it
  std::vector<Pattern> patterns_;
};

}  // namespace postern::acl
