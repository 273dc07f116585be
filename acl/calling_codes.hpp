// Which country a number leads to: by its country code (ITU-T E.164 and its list of assigned codes), in North America and the Caribbean by
// its area code (the NANP's list).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::acl {

/// A place that numbers lead to.
class CallingPlace {
 public:
  /// The index of any is less.
  static constexpr std::size_t most = 300;

  /// `number` as DialledNumber has it: where it leads if it is international (it begins with 00, and has the digits of a whole number
  /// behind it); nullopt: it is not, or its code is assigned to nobody. Allocates nothing.
  static std::optional<CallingPlace> of(std::string_view number);
  /// The place of that word().
  static std::optional<CallingPlace> named(std::string_view word);
  /// The one that has this index().
  static constexpr CallingPlace at(std::size_t index) { return CallingPlace(static_cast<std::uint16_t>(index)); }

  /// The country as ISO 3166 names it, or what shares a code: `US/CA`, `satellite`, `premium` ... One word.
  [[nodiscard]] std::string_view word() const;
  [[nodiscard]] std::size_t index() const { return index_; }
  bool operator==(const CallingPlace&) const = default;

 private:
  explicit constexpr CallingPlace(std::uint16_t index) : index_(index) {}

  std::uint16_t index_;  ///< of the table: the first row with this word
};

}  // namespace postern::acl
