// Which dialog a request from the access side is of.
#pragma once

#include <cstdint>
#include <optional>

#include "sbc/contact.hpp"

namespace postern::sbc {

/// What the Request-URI's token says of a request from the access side.
struct Dialog {
  enum class Kind : std::uint8_t {
    none,     ///< no token of ours
    own,      ///< it opens, the dialog and the flow are those that it was given to: proven, judged by bans and the source's limit alone
    rebound,  ///< it opens and the dialog is right, but the flow is another (NAT rebinding): judged
    foreign,  ///< it opens, but belongs to another dialog: judged, and goes where it says
    bad,      ///< it looks like a token and does not open
  };
  Kind kind = Kind::none;
  std::optional<OpenedOutward> target;
  [[nodiscard]] bool own() const { return kind == Kind::own; }
  /// The request is of the dialog that the token was given for.
  [[nodiscard]] bool is_known() const { return kind == Kind::own || kind == Kind::rebound; }
};

}  // namespace postern::sbc
