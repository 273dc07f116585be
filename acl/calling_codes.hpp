// Which country a number leads to: by its country code (ITU-T E.164 and its list of assigned codes), in North America and the Caribbean by
// its area code (the NANP's list).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/options.hpp"

namespace postern::acl {

/// A place that numbers lead to.
class CallingPlace {
 public:
  /// The index of any is less.
  static constexpr std::size_t most = 300;

  /// `number` as DialledNumber has it: where it leads if it is international (it begins with 00, or Australia's 0011, and has the digits of
  /// a whole number behind it); nullopt: it is not, or its code is assigned to nobody. Allocates nothing.
  static std::optional<CallingPlace> of(std::string_view number);
  /// The same of a number that begins with its country code.
  static std::optional<CallingPlace> of_global(std::string_view number);
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

/// The same of numbers as they are dialled at this PBX: behind the digits for an outside line too (`emergency_prefixes`), and behind
/// another international prefix than 00 where a class of numbers says that there is one: a pattern `011.`, `010.`, `119.` or `810.` in a
/// class with `00.`, as `postern init` writes them. Where several do, nobody has said which country it is, and none counts: 011 begins
/// numbers of cities elsewhere.
class CallingPlaces {
 public:
  CallingPlaces() = default;
  explicit CallingPlaces(const PolicyOptions& options);

  /// As CallingPlace::of(). What is written is looked at before what stands behind the digits for an outside line.
  [[nodiscard]] std::optional<CallingPlace> of(std::string_view number) const;

 private:
  [[nodiscard]] std::optional<CallingPlace> behind_prefix(std::string_view number) const;

  std::vector<std::string> outside_;
  std::string abroad_;  ///< empty: there is no other than 00
};

}  // namespace postern::acl
