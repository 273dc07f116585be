// What the user part of a URI is made of.
#pragma once

#include <string_view>

namespace postern::sip {

/// May `text` be written as the user of a sip: URI as it is (RFC 3261 §25.1: unreserved, escapes and user-unreserved)?
[[nodiscard]] bool is_uri_user(std::string_view text);

}  // namespace postern::sip
