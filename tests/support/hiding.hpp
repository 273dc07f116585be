// What must not be seen on the access side.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sip/prescreen.hpp"

namespace postern::testing {

/// Headers that go on as they are because their text is part of the digest (realm, uri).
inline bool may_name_the_pbx(sip::HeaderName name) {
  using sip::HeaderName;
  constexpr std::array digest{HeaderName::www_authenticate, HeaderName::proxy_authenticate, HeaderName::authorization,
                              HeaderName::proxy_authorization, HeaderName::authentication_info};
  return std::ranges::find(digest, name) != digest.end();
}

/// A hidden text stands in `text`, whatever letters are around it; digits make it another address or port.
inline bool names_word(std::string_view text, std::string_view word) {
  const auto is_digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || (!is_digit(at - 1) && !(text[at - 1] == '.' && at > 1 && is_digit(at - 2)));
    const bool ends = !is_digit(end) && !(end < text.size() && text[end] == '.' && is_digit(end + 1));
    if (begins && ends) return true;
  }
  return false;
}

/// The first line of a message's header section, or of a body that we know, that shows one of `hidden`; empty: none does.
inline std::string leak_in(std::string_view bytes, const std::vector<std::string>& hidden) {
  static sip::RawMessage message;
  if (sip::prescreen(bytes, message).result != sip::PrescreenResult::message) return "not a message:\n" + std::string(bytes);
  const auto shows = [&](std::string_view text) {
    return std::ranges::any_of(hidden, [text](const std::string& word) { return names_word(text, word); });
  };
  if (shows(message.text(message.start_line))) return std::string(message.text(message.start_line));
  for (const sip::HeaderLine& header : message.header_lines()) {
    // Below its own the PBX returns the Vias of who asked.
    if (!message.is_request && header.name == sip::HeaderName::via) continue;
    if (!may_name_the_pbx(header.name) && shows(message.text(header.line))) return std::string(message.text(header.line));
  }
  return {};
}

}  // namespace postern::testing
