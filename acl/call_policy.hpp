// Class of service: which device may call which numbers, from where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "acl/device_set.hpp"
#include "acl/dial_classes.hpp"
#include "acl/networks.hpp"
#include "acl/options.hpp"

namespace postern::acl {

class CallPolicy {
 public:
  using Class = DialClasses::Class;
  static constexpr std::size_t most_classes = 1000;

  /// A text instead says which pattern or name is wrong.
  static std::variant<CallPolicy, std::string> compile(const CallOptions& options, const DeviceGroups& groups);

  /// As DialClasses::classify(). Allocates nothing, as all here.
  [[nodiscard]] std::optional<Class> classify(std::string_view number) const { return classes_.classify(number); }
  /// Does an entry that matches have the class? `device`: a user, escapes decoded. A number of no class is never allowed.
  [[nodiscard]] bool allows(const Address& source, std::string_view device, std::optional<Class> number) const;
  [[nodiscard]] std::string_view name_of(Class number) const { return names_[number]; }
  [[nodiscard]] int deny_status() const { return deny_status_; }
  /// What logs and `explain` name as the rule, and where it stands.
  [[nodiscard]] const Gate& gate() const { return gate_; }

 private:
  struct Entry {
    std::optional<NetworkSet> source;
    std::optional<DeviceSet> devices;
    std::vector<bool> classes;  ///< by Class
  };

  CallPolicy() = default;
  /// Returns "" or what is wrong.
  std::string add(const CallAllowance& allowance, const DeviceGroups& groups);

  DialClasses classes_;
  std::vector<std::string> names_;
  std::vector<Entry> entries_;
  int deny_status_ = 603;
  Gate gate_;
};

}  // namespace postern::acl
