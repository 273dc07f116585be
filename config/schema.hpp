// The one table of all keys. It drives loading, `check`, the printed default file and docs/configuration.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/draft.hpp"
#include "config/values.hpp"

namespace postern::config {

/// What a key may hold. A row whose path ends in [] takes a list of this.
enum class Form : std::uint8_t {
  value,         ///< a scalar of the row's kind
  map,           ///< the keys below it
  value_or_map,  ///< either
  condition,     ///< a value, a list of them, or {not: value or list}
};

/// Whether a key does something in this version.
enum class Effect : std::uint8_t {
  now,
  later,  ///< writing it gives a warning
};

/// One valid scalar on its way into the draft.
struct Item {
  const Value& value;
  Where at;
  const Located<std::string>& name;  ///< the innermost key that the operator chose (a network's, a method's)
  bool unless = false;               ///< the condition stands under `unless`
  bool negated = false;              ///< ... under `not`
};

struct Row {
  // NOLINTBEGIN(readability-redundant-member-init): without {} the compilers warn of each row that leaves the member out.
  /// `a.b` is a key b below a, `a.*` any key there, `[]` a list.
  std::string_view path;
  Form form = Form::value;
  const Kind* kind = nullptr;  ///< of its scalars
  Range range{};
  std::string_view words{};     ///< "off" or "text json": what it takes besides its kind
  const Kind* names = nullptr;  ///< of a row `a.*`: what its keys are
  bool single = false;          ///< of a list: one value will do
  bool filled = false;          ///< of a list or map: not empty
  bool required = false;
  bool held = false;             ///< from the start on, whatever a reload says
  std::string_view scalar_is{};  ///< of value_or_map: a scalar stands for this key below it
  std::string_view like{};       ///< takes the conditions of that row
  std::string_view standard{};   ///< the default, as YAML
  std::string_view example{};    ///< for the printed file, where there is no default
  Effect effect = Effect::now;
  std::string_view help{};
  void (*begin)(Draft&, const Where&, const std::string& name) = nullptr;  ///< before the keys below it
  void (*store)(Draft&, const Item&) = nullptr;
  // NOLINTEND(readability-redundant-member-init)

  [[nodiscard]] bool is_list() const { return path.ends_with("[]"); }
  /// The key as the operator writes it, or "*".
  [[nodiscard]] std::string_view key() const;
};

/// The rows in the order of the reference page; a parent stands before its children.
std::span<const Row> schema();
/// The root itself: a map of the top-level keys.
const Row& root_row();
/// Rows directly below one, those that it takes over from another included.
const std::vector<const Row*>& children(const Row& row);

}  // namespace postern::config
