// The numbers that nothing stops.
#pragma once

#include <string>
#include <string_view>

#include "acl/options.hpp"
#include "acl/text_map.hpp"

namespace postern::acl {

class EmergencyNumbers {
 public:
  static constexpr std::size_t longest = 64;  ///< with its prefix: what is dialled beyond that is none

  EmergencyNumbers() = default;
  explicit EmergencyNumbers(const PolicyOptions& options);

  /// Is this number, without separators, one of them, perhaps behind a prefix? Allocates nothing.
  [[nodiscard]] bool contains(std::string_view dialled) const;
  /// What is dialled for an emergency service that is named and not dialled (RFC 5031); empty: there are no emergency numbers.
  [[nodiscard]] const std::string& first() const { return first_; }
  [[nodiscard]] bool empty() const { return first_.empty(); }
  /// What decides for such a call.
  [[nodiscard]] const Gate& gate() const { return gate_; }

 private:
  TextSet numbers_, prefixes_;
  std::string first_;
  Gate gate_;
};

}  // namespace postern::acl
