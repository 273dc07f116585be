// The full parse, by sofia-sip. Only sip/*.cpp includes its headers.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Why a message that passed the prescreen is refused after all, as the status that says so (RFC 3261 §16.3, §8.2).
struct ParseVerdict {
  int status = 0;                ///< 0: good; else 400, 416, 420, 483, or 500 if memory is short
  std::string_view header;       ///< the header or part that is wrong; static storage
  std::string_view unsupported;  ///< with 420: the option tags, a view into the message
  [[nodiscard]] bool ok() const { return status == 0; }
};

/// What a Request-URI may be: sip: and sips:, or, where somebody calls for help, whatever sofia-sip can read.
enum class Schemes : std::uint8_t { sip, any };

/// Has sofia-sip parse the whole message, unless it is so plainly written that there is nothing to find (sip/plain.hpp), and applies the
/// policy: error mask, sanity, presence, Request-URI scheme, Max-Forwards (0: 483; tested before any decrement), Proxy-Require (420). It
/// also holds the prescreen to its word: method, Call-ID, CSeq, top branch and tags must be the same as sofia-sip's, or the message is
/// refused (400).
[[nodiscard]] ParseVerdict check(const RawMessage& message, Schemes schemes = Schemes::sip);
/// The same by sofia-sip in any case.
[[nodiscard]] ParseVerdict check_fully(const RawMessage& message, Schemes schemes = Schemes::sip);

}  // namespace postern::sip
