// What of the core side the access side must not read, wherever it stands: its names (names.hpp) and the tokens that the PBX was given.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sbc/flow.hpp"
#include "sbc/names.hpp"
#include "sbc/tokens.hpp"

namespace postern::sbc {

class Veil {
 public:
  Veil(Names& names, Tokens& tokens) : names_(names), tokens_(tokens) {}

  /// Is there anything in text that must not leave?
  [[nodiscard]] bool covers(std::string_view text) { return names_.mentions_hidden(text) || find_token(text, 0); }
  /// Appends text as the access side may read it.
  void append(std::string& out, std::string_view text, const Flow& access);

 private:
  struct Place {
    std::size_t begin;
    std::size_t end;
  };
  /// The next "~TOKEN" that the PBX was given, wherever it stands and whatever is around it.
  [[nodiscard]] std::optional<Place> find_token(std::string_view text, std::size_t from);
  [[nodiscard]] bool opens(std::string_view before, std::string_view letters, std::string_view ends);

  Names& names_;
  Tokens& tokens_;
};

}  // namespace postern::sbc
