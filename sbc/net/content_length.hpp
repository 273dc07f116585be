// Where a message in a stream ends (RFC 3261 §18.3, §20.14).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace postern::net {

/// The body's size by the Content-Length of a header section (without the empty line that ends it); nullopt: there is none. One that is no
/// number, or stands twice with different values, is more than any message may have.
std::optional<std::size_t> body_size(std::string_view head);

}  // namespace postern::net
