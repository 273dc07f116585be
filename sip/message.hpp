// The full parse, by sofia-sip. Only sip/*.cpp includes its headers.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// Why a message that passed the prescreen is refused after all, as the status that says so (RFC 3261 §16.3, §8.2).
struct ParseVerdict {
  int status = 0;                ///< 0: good; else 400, 416, 420, 483, 505 ...
  std::string_view header;       ///< the header or part that is wrong; static storage
  std::string_view unsupported;  ///< with 420: the option tags, a view into the message
  [[nodiscard]] bool ok() const { return status == 0; }
};

/// sofia-sip's parser with everything that it needs kept between messages (one a worker; not thread-safe).
class Parser {
 public:
  Parser();
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Parses the whole message and applies the policy: error mask, sanity, presence, version, Request-URI scheme,
  /// Max-Forwards (0: 483; tested before any decrement), Proxy-Require (420). It also holds the prescreen to its word:
  /// method, Call-ID, CSeq and top branch must be the same as sofia-sip's, or the message is refused (400).
  [[nodiscard]] ParseVerdict check(const RawMessage& message);

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace postern::sip
